# SPDX-License-Identifier: Apache-2.0
"""The Python API: ``from deidgate import Deidentifier``; ``deidgate run`` and ``serve`` are made of it."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Collection, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Self

from deidgate.batch import policies
from deidgate.batch.home import MappingPlace, open_mapping, place
from deidgate.batch.job import Directory, Job, Layout
from deidgate.batch.run import Progress, Summary, default_jobs, prepared, run
from deidgate.batch.start import no_import_of_the_script
from deidgate.convert.missing import ExtraMissingError
from deidgate.errors import CannotDeidentify, ConfigurationError
from deidgate.files.atomic import AlreadyThereError, whole_file
from deidgate.files.bare import with_meta_of
from deidgate.files.limits import Limits
from deidgate.policy import DEFAULT
from deidgate.policy.load import load_policy
from deidgate.store.store import Store

if TYPE_CHECKING:
    from pydicom import Dataset

    from deidgate.batch.identities import Identities
    from deidgate.batch.instance import Instances

StrPath = str | os.PathLike[str]


class Deidentifier:
    """De-identifies datasets, files and folders with one policy and one mapping table.

    Same policy, keys, mapping table, project and site as the gateway: same result.

    Parameters
    ----------
    policy : str or path, optional
        Name of a shipped policy, or a TOML file.
    mapping : str or path, optional
        Database file of the mapping table, or an address with ``://``; by default the user's own.
    keys : path, optional
        Folder of the keys; by default ``keys`` beside the database file.
    project, site : str, optional
        Whose pseudonyms: equal Patient IDs of two sites are two patients, and two projects share nothing.

    Examples
    --------
    >>> with Deidentifier(policy="basic", mapping="study/mapping.db") as deidentifier:  # doctest: +SKIP
    ...     deidentifier.run(["incoming"], "out")
    """

    def __init__(
        self,
        policy: StrPath = DEFAULT,
        *,
        mapping: StrPath | None = None,
        keys: StrPath | None = None,
        project: str = "default",
        site: str = "",
    ) -> None:
        self._policy_path = policies.find(os.fspath(policy))
        self.policy = load_policy(self._policy_path)
        named = os.fspath(mapping) if mapping is not None else None
        self._place = place(named, Path(keys) if keys is not None else None, os.environ)
        self._project = project
        self._site = site
        self._store: Store | None = None
        self._instances: Instances | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the mapping table."""
        if self._store is not None:
            self._store.close()
        self._store = self._instances = None

    @property
    def mapping(self) -> MappingPlace:
        """Where the mapping table and its keys are."""
        return self._place

    def dataset(self, dataset: Dataset) -> Dataset:
        """A new, verified dataset in the place of `dataset`, which is not changed. It has file meta information.

        A dataset that has none, and was not read from a file, is taken as Explicit VR Little Endian.

        Raises
        ------
        CannotDeidentify, VerificationFailed
            Hold it: there is no result.
        """
        from pydicom import dcmread

        buffer = BytesIO()
        try:
            with_meta_of(dataset).save_as(buffer, enforce_file_format=True)
        except (ValueError, TypeError, AttributeError, OverflowError, KeyError, NotImplementedError, OSError):
            # The library's words quote values.
            raise CannotDeidentify("dataset-not-writable") from None
        return dcmread(BytesIO(self.bytes(buffer.getvalue())))

    def bytes(self, content: bytes) -> bytes:
        """The verified result for the DICOM file `content`.

        Raises
        ------
        CannotDeidentify, VerificationFailed
            Hold it: there is no result.
        """
        instances, identities = self._opened()
        result, _ = instances.bytes_of(content)
        identities.record(identities.noted())
        return result

    def file(self, source: StrPath, target: StrPath) -> None:
        """De-identify the DICOM file `source` to the new file `target`, which appears whole or not at all.

        Raises
        ------
        CannotDeidentify, VerificationFailed
            Hold it: nothing was written.
        ConfigurationError
            ``destination-exists``: `target` is there already; it was not touched.
        """
        result = self.bytes(Path(source).read_bytes())
        try:
            with whole_file(Path(target)) as stream:
                stream.write(result)
        except AlreadyThereError:
            raise ConfigurationError("destination-exists", os.fspath(target)) from None

    def run(
        self,
        inputs: StrPath | Sequence[StrPath],
        output: StrPath,
        *,
        layout: Layout | str = Layout.MIRROR,
        dicomdir: Directory | str = Directory.REBUILD,
        beside: bool = False,
        copy_other: bool = False,
        dry_run: bool = False,
        identities: bool = False,
        jobs: int | None = 0,
        scheduler: str | None = None,
        state: StrPath | None = None,
        verify_every: int = 64,
        limits: Limits | None = None,
        mark_key: StrPath | None = None,
        accept: Collection[str] = (),
        settled: float | None = None,
        tell: Callable[[Progress], None] = lambda _: None,
    ) -> Summary:
        """De-identify files, folders, archives and media below the folder `output`; resume if that was begun before.

        Parameters
        ----------
        inputs : path or sequence of path
        output : path
            A folder outside all inputs; with `beside` it is only where unfinished files are.
        layout : Layout or str
        dicomdir : Directory or str
        beside : bool
            Write ``…_deidentified`` files beside input files.
        copy_other : bool
            Copy what is not DICOM as it is.
        dry_run : bool
            Decide and report; write no result and leave the mapping table alone.
        identities : bool
            Report original names and IDs, in a file of their own.
        jobs : int, optional
            Processes; 0 is none but this one, and None is one for each processor. They begin by importing the calling
            script: what it does has to stand below ``if __name__ == "__main__":`` then.
        scheduler : str, optional
            Address of a Dask scheduler to work on instead.
        state : path, optional
            Folder of journal and reports; ``<output>.deidgate`` by default.
        verify_every : int
            How many instances whose header equals a verified one pass between two that go the whole way.
        limits : Limits, optional
            Bounds on archives.
        mark_key : path, optional
            PEM file of the gateway's key, to sign results as it does.
        accept : collection of str
            Reasons to hold that are let pass: ``patient-id-collides``, ``study-has-two-patients``.
        settled : float, optional
            Leave files for a later run that somebody wrote to since that moment (seconds since the epoch).
        tell : callable
            Hears about progress.

        Raises
        ------
        ConfigurationError
            Refused before anything was touched; `ExtraMissingError` if the policy looks at pixels and cannot, or if
            Dask is not installed.
        Unavailable
            The scheduler does not answer (``scheduler-unavailable``), or no process can begin
            (``worker-cannot-start``).
        """
        paths = [Path(inputs)] if isinstance(inputs, str | os.PathLike) else [Path(path) for path in inputs]
        if scheduler is None and jobs != 0:
            no_import_of_the_script()
        if paths and all(_is_missing(path) for path in paths):
            raise ConfigurationError("input-missing", str(paths[0]))
        if self.policy.cleans_pixels:
            # Said once and now, and not for every picture.
            for module in ("onnxruntime", "rapidocr"):
                if importlib.util.find_spec(module) is None:
                    raise ExtraMissingError("pixels")
        if scheduler is not None:
            from deidgate.batch.cluster import check_scheduler

            check_scheduler(scheduler)
        if not dry_run:
            # Made here, once, and not by the first of several processes.
            open_mapping(self._place).close()
        job = Job(
            output=Path(output).absolute(),
            policy=self._policy_path.absolute(),
            mapping=self._place,
            project=self._project,
            site=self._site,
            layout=Layout(layout),
            directory=Directory(dicomdir),
            beside=beside,
            copy_other=copy_other,
            dry_run=dry_run,
            identities=identities,
            verify_every=verify_every,
            limits=limits or Limits(),
            mark_key=Path(mark_key) if mark_key is not None else None,
            accepted=frozenset(accept),
        )
        given = Path(state) if state is not None else None
        pool = None
        if scheduler is not None:
            from deidgate.batch.cluster import Cluster

            job, given = prepared(paths, job, given)
            pool = Cluster(job, scheduler)
        count = default_jobs() if jobs is None else jobs
        return run(paths, job, jobs=count, state=given, pool=pool, settled=settled, tell=tell)

    def _opened(self) -> tuple[Instances, Identities]:
        # A run over folders leaves these to its own processes.
        from deidgate.batch.identities import Identities
        from deidgate.batch.instance import Instances
        from deidgate.pixels.lazy import LazyPixels

        if self._store is None or self._instances is None:
            self._store = open_mapping(self._place)
            self._identities = Identities(self._store.mapping, self._project, self._site, self.policy.pseudonym)
            self._instances = Instances(self.policy, self._identities, LazyPixels(), None, 1)
        return self._instances, self._identities


def _is_missing(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        # It is there and cannot be read: the report says so.
        return False
    return False
