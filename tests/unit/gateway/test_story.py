# SPDX-License-Identifier: Apache-2.0
"""What becomes of an instance, for every way its story can go."""

from dataclasses import replace
from io import BytesIO

import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGBaseline8Bit
from tests.data.instances import dataset, file_bytes, read
from tests.data.policies import shipped
from tests.unit.gateway.world import MARK_KEY, World

from deidgate.dicom.box import Box
from deidgate.dicom.second import stand_in
from deidgate.gateway import story
from deidgate.gateway.outcome import Delivered, Held, Postponed
from deidgate.marks import check
from deidgate.pixels.clean import PixelOutcome, PixelStatus
from deidgate.plan.model import PixelPlan


@pytest.fixture
def world():
    return World()


def a_file(*numbers, **keywords):
    return file_bytes(dataset(*numbers, **keywords))


def test_an_instance_is_delivered_marked_and_under_its_new_identity(world):
    end = world.carry(world.ingest.add(a_file()))
    assert isinstance(end, Delivered), end
    (name, file), *_ = world.research.files.items()
    check(file, MARK_KEY.public_key())
    result = read(file)
    assert name == end.research_id
    assert (result.PatientID, result.SOPInstanceUID) == (end.plan.patient_id, end.plan.sop_instance_uid)
    assert result.PatientID != "HOSP-0001"
    assert end.result_digest.startswith("md5:")


def test_telling_the_story_again_gives_the_same_bytes(world):
    item = world.ingest.add(a_file())
    first = world.carry(item)
    before = dict(world.research.files)
    assert world.carry(item) == first
    assert world.research.files == before


def test_a_large_file_that_is_read_twice_has_the_same_end(world, monkeypatch):
    item = world.ingest.add(a_file())
    world.carry(item)
    before = dict(world.research.files)
    monkeypatch.setattr(story, "LARGE", 0)
    assert isinstance(world.carry(item), Delivered)
    assert world.research.files == before


def test_a_large_file_that_is_another_when_it_is_read_again_is_held(world, monkeypatch):
    monkeypatch.setattr(story, "LARGE", 0)
    item = replace(world.ingest.add(a_file()), digest=None)
    files = iter([a_file(), a_file(InstanceNumber=7)])
    monkeypatch.setattr(world.ingest, "read", lambda _name: next(files))
    end = world.carry(item)
    assert isinstance(end, Held)
    assert end.code == "original-changed"
    assert world.research.files == {}


def test_a_late_instance_joins_its_series(world):
    ends = [world.carry(world.ingest.add(a_file(1, 1, 1, number))) for number in (1, 2)]
    assert {end.plan.study_instance_uid for end in ends} == {ends[0].plan.study_instance_uid}
    assert {end.plan.series_instance_uid for end in ends} == {ends[0].plan.series_instance_uid}
    assert len({end.plan.sop_instance_uid for end in ends}) == 2


def test_one_patient_id_at_two_sites_is_two_patients(world):
    here = world.carry(world.ingest.add(a_file(1, 1)))
    there = world.carry(replace(world.ingest.add(a_file(1, 2)), calling_aet="DEMO_TWO"))
    assert here.plan.patient_id != there.plan.patient_id


def test_two_projects_share_no_identity(world):
    item = world.ingest.add(a_file())
    here, there = world.carry(item), world.carry(replace(item, calling_aet="OTHER"))
    assert here.plan.patient_id != there.plan.patient_id
    assert here.plan.study_instance_uid != there.plan.study_instance_uid


def test_what_was_learned_names_route_policy_and_original(world):
    learned = world.carry(world.ingest.add(a_file())).learned
    assert (learned.site, learned.project, learned.policy_name) == ("site-one", "project", "basic")
    assert learned.digest.startswith("sha256:")
    assert learned.policy_hash == shipped("basic").digest
    assert learned.patient == 1


@pytest.mark.parametrize(
    ("keywords", "code"),
    [
        ({"PatientID": None}, "patient-id-blank"),
        ({"PatientID": ""}, "patient-id-blank"),
        ({"PatientID": "  "}, "patient-id-blank"),
        ({"PatientID": "A\\B"}, "patient-id-several"),
        ({"StudyInstanceUID": ""}, "identifier-missing"),
        ({"SeriesInstanceUID": None}, "identifier-missing"),
    ],
)
def test_an_instance_of_nobody_is_held(world, keywords, code):
    end = world.carry(world.ingest.add(a_file(**keywords)))
    assert isinstance(end, Held)
    assert end.code == code
    assert world.research.posts == 0


def test_a_study_with_two_patient_ids_is_held_and_passes_when_a_person_lets_it(world):
    world.carry(world.ingest.add(a_file(1, 1)))
    item = world.ingest.add(a_file(1, 1, 1, 2, PatientID="HOSP-9999"))
    assert world.carry(item).code == "study-has-two-patients"
    assert isinstance(world.carry(replace(item, accepted=frozenset({"study-has-two-patients"}))), Delivered)


@pytest.mark.parametrize("keyword", ["PatientName", "PatientBirthDate"])
def test_a_patient_id_that_was_somebody_elses_is_held_and_passes_when_a_person_lets_it(world, keyword):
    world.table.differs = frozenset({keyword})
    item = world.ingest.add(a_file())
    end = world.carry(item)
    assert (end.code, end.path) == ("patient-id-collides", keyword)
    assert world.table.studies == {}, "what is held binds no study"
    assert isinstance(world.carry(replace(item, accepted=frozenset({"patient-id-collides"}))), Delivered)


def test_changed_content_under_a_known_uid_is_held_and_passes_when_a_person_lets_it(world):
    item = world.ingest.add(a_file())
    first = world.carry(item)
    world.table.digests[first.learned.sop_instance_uid] = first.learned.digest
    assert isinstance(world.carry(item), Delivered), "the same content is no change"
    changed = world.ingest.add(a_file(PixelData=b"\x09\0" * 4))
    assert world.carry(changed).code == "content-changed"
    assert isinstance(world.carry(replace(changed, accepted=frozenset({"content-changed"}))), Delivered)


def test_a_second_content_is_held_also_when_the_first_has_not_been_delivered_and_is_delivered_as_it_was_sent(world):
    first, second = a_file(), a_file(PixelData=b"\x09\0" * 4)
    world.ingest.add(first)
    item = world.ingest.add(stand_in(second))
    held = world.carry(item)
    assert (held.code, held.path) == ("content-changed", "SOPInstanceUID")
    assert held.learned.sop_instance_uid == read(second).SOPInstanceUID
    end = world.carry(replace(item, accepted=frozenset({"content-changed"})))
    alone = World()
    expected = alone.carry(alone.ingest.add(second))
    assert end.research_id == expected.research_id
    assert end.learned.digest == expected.learned.digest
    assert world.research.files == alone.research.files


def test_another_sender_of_the_same_content_is_no_change(world):
    file = a_file()
    first = world.carry(world.ingest.add(file))
    other = read(file)
    other.file_meta.SourceApplicationEntityTitle = "ANOTHER"
    out = BytesIO()
    other.save_as(out)
    second = world.carry(world.ingest.add(out.getvalue()))
    assert first.learned.digest == second.learned.digest


def test_an_unknown_sender_has_no_route(world):
    end = world.carry(replace(world.ingest.add(a_file()), calling_aet="NOBODY"))
    assert (type(end), end.code) == (Held, "no-route")


def test_an_unknown_sop_class_is_held(world):
    end = world.carry(world.ingest.add(a_file(sop_class="1.2.826.0.1.3680043.8.498.77")))
    assert isinstance(end, Held)
    assert world.research.posts == 0


@pytest.mark.parametrize("length", [0, 100, 140, 400])
def test_a_truncated_file_is_held(world, length):
    item = world.ingest.add(a_file())
    world.ingest.files[item.orthanc_id] = world.ingest.files[item.orthanc_id][:length]
    assert isinstance(world.carry(replace(item, digest=None)), Held)


def test_what_is_not_dicom_is_held(world):
    item = world.ingest.add(a_file())
    world.ingest.files[item.orthanc_id] = b"no DICOM at all" * 50
    assert isinstance(world.carry(replace(item, digest=None)), Held)


def test_a_stored_file_that_is_not_what_was_received_is_held(world):
    item = world.ingest.add(a_file())
    rotten = bytearray(world.ingest.files[item.orthanc_id])
    rotten[-1] ^= 1
    world.ingest.files[item.orthanc_id] = bytes(rotten)
    assert world.carry(item).code == "original-changed"


def test_a_missing_original_is_held(world):
    item = world.ingest.add(a_file())
    world.ingest.files.clear()
    assert world.carry(item).code == "original-missing"


def test_a_result_in_which_the_patient_is_left_is_held_with_an_alert_and_not_delivered(world):
    def spoil(file: bytes) -> bytes:
        result = read(file)
        result.InstitutionName = "Doe Patient1"
        return file_bytes(result)

    world.ingest.spoil = spoil
    end = world.carry(world.ingest.add(a_file()))
    assert isinstance(end, Held)
    assert end.alert
    assert world.research.posts == 0


def test_a_result_without_a_place_for_the_mark_is_held_with_an_alert(world):
    def spoil(file: bytes) -> bytes:
        result = read(file)
        result.DeidentificationMethod = "nothing"
        return file_bytes(result)

    world.ingest.spoil = spoil
    end = world.carry(world.ingest.add(a_file()))
    assert (end.code, end.alert) == ("mark-missing", True)


@pytest.mark.parametrize("server", ["ingest", "research"])
def test_a_server_that_is_away_postpones_and_holds_nothing(world, server):
    getattr(world, server).away = True
    item = world.ingest.add(a_file())
    end = world.carry(item)
    assert (type(end), end.code) == (Postponed, f"{server}-unavailable")
    getattr(world, server).away = False
    assert isinstance(world.carry(item), Delivered)


def test_a_bug_is_not_taken_for_an_outcome(world):
    def spoil(file: bytes) -> bytes:
        raise ZeroDivisionError

    world.ingest.spoil = spoil
    with pytest.raises(ZeroDivisionError):
        world.carry(world.ingest.add(a_file()))


def test_a_deflated_original_is_asked_for_in_a_syntax_that_can_be_signed(world):
    seen = []
    original_modify = world.ingest.modify

    def modify(orthanc_id, request):
        seen.append(request)
        return original_modify(orthanc_id, request)

    world.ingest.modify = modify
    world.carry(world.ingest.add(file_bytes(dataset(), DeflatedExplicitVRLittleEndian)))
    assert seen[0]["Transcode"] == "1.2.840.10008.1.2.1"


# -- pixels ---------------------------------------------------------------------------


def looking(says=None):
    world = World(policy=shipped("mammography"))
    if says is not None:
        world.pixels.says = says
    return world


def test_a_policy_that_does_not_ask_looks_at_no_pixel_and_claims_nothing(world):
    end = world.carry(world.ingest.add(a_file()))
    assert world.pixels.asked == 0
    assert "113101" not in end.plan.codes


def test_clean_pixels_are_claimed_when_they_were_looked_at():
    world = looking()
    end = world.carry(world.ingest.add(a_file()))
    assert isinstance(end, Delivered), end
    assert "113101" in end.plan.codes
    assert next(iter(world.research.files.values())) is not None
    assert read(next(iter(world.research.files.values()))).BurnedInAnnotation == "NO"


def test_doubtful_pixels_are_held_with_the_reason():
    world = looking(PixelOutcome(PixelStatus.UNCERTAIN, (), (), ("text-found",)))
    end = world.carry(world.ingest.add(a_file()))
    assert (end.code, end.path, end.alert) == ("pixels-uncertain", "text-found", False)


@pytest.mark.parametrize("policy", ["basic", "mammography"])
@pytest.mark.parametrize("accepted", [frozenset(), frozenset({"pixels-uncertain"})])
def test_text_behind_the_pixels_is_held_under_every_policy_whoever_looked(policy, accepted):
    world = World(policy=shipped(policy))
    size = {"Rows": 2, "Columns": 2, "BitsAllocated": 16, "BitsStored": 16, "SamplesPerPixel": 1}
    item = world.ingest.add(a_file(**size, PixelData=b"\1" * 8 + b"Wolkenstein Adalbert"))
    end = world.carry(replace(item, accepted=accepted))
    assert (end.code, end.path) == ("pixel-data-excess", "PixelData")
    assert not world.research.files


def test_what_a_person_drew_is_masked_and_nobody_looks_again():
    world = looking(PixelOutcome(PixelStatus.UNCERTAIN, (), (), ("text-found",)))
    item = world.ingest.add(a_file(PixelData=b"\0" * 8))
    item = replace(item, accepted=frozenset({"pixels-uncertain"}), instructions={"boxes": [[0, 1, 0, 2, None]]})
    end = world.carry(item)
    assert world.pixels.asked == 0
    assert world.pixels.masked == [(Box(0, 1, 0, 2),)]
    assert isinstance(end, Delivered), end


def test_doubtful_pixels_that_a_person_let_pass_are_delivered_as_they_are():
    world = looking(PixelOutcome(PixelStatus.UNCERTAIN, (), (), ("text-found",)))
    item = replace(world.ingest.add(a_file()), accepted=frozenset({"pixels-uncertain"}))
    assert isinstance(world.carry(item), Delivered)
    assert world.pixels.masked == [()]


def test_who_draws_takes_nothing_away_of_what_the_policy_hides_on_such_pictures(monkeypatch):
    always = Box(1, 2, 0, 2)
    plan = story.make_plan
    monkeypatch.setattr(
        story, "make_plan", lambda *given: replace(plan(*given), pixels=PixelPlan(clean=True, boxes=(always,)))
    )
    world = looking()
    item = world.ingest.add(a_file(PixelData=b"\0" * 8))
    assert isinstance(world.carry(replace(item, instructions={"boxes": [[0, 1, 0, 2, None]]})), Delivered)
    assert world.pixels.masked == [(always, Box(0, 1, 0, 2))]


@pytest.mark.parametrize(
    ("box", "path"),
    [
        ([0, 3, 0, 2, None], "PixelData"),
        ([0, 2, 0, 3, None], "PixelData"),
        ([5, 9, 5, 9, None], "PixelData"),
        ([-1, 1, 0, 1, None], "PixelData"),
        ([1, 1, 0, 1, None], "PixelData"),
        ([0, 1, 0, 1, 1], "NumberOfFrames"),
        ([0, 1, 0, 1, -1], "NumberOfFrames"),
    ],
)
def test_a_rectangle_that_is_not_in_the_picture_holds_it_with_a_reason_of_its_own(box, path):
    world = looking()
    item = replace(world.ingest.add(a_file()), instructions={"boxes": [[0, 1, 0, 1, 0], box]})
    end = world.carry(item)
    assert (end.code, end.path) == ("box-outside-picture", path)
    assert world.research.posts == 0


@pytest.mark.parametrize(
    "keywords", [{"Rows": None}, {"Columns": None}, {"Rows": [2, 2]}], ids=["no-rows", "no-columns", "rows-twice"]
)
def test_a_rectangle_on_what_has_no_size_is_held(keywords):
    world = looking()
    item = replace(world.ingest.add(a_file(**keywords)), instructions={"boxes": [[0, 1, 0, 1, None]]})
    assert isinstance(world.carry(item), Held)


@pytest.mark.parametrize("boxes", ["all", [1, 2, 3, 4], [[1, 2, 3]], [["a", 1, 2, 3]], [[0, 1, 0, 1, "all"]]])
def test_instructions_that_cannot_be_understood_are_held(boxes):
    world = looking()
    item = replace(world.ingest.add(a_file()), instructions={"boxes": boxes})
    assert world.carry(item).code == "instructions-unreadable"


def test_comments_beside_a_compressed_picture_go_under_every_policy(world):
    jpeg = bytes.fromhex("ffd8fffe000a486964652021ffd9")
    made = dataset(PixelData=encapsulate([jpeg]))
    item = world.ingest.add(file_bytes(made, JPEGBaseline8Bit))
    world.carry(item)
    assert world.pixels.masked == [()]
    assert world.pixels.asked == 0
