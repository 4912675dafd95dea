# SPDX-License-Identifier: Apache-2.0
"""Words that name no one, although a person or a place may be called so.

`VOCABULARY` holds words of defined terms and of every radiology department. A needle made of nothing else is not
looked for when it is an identifier ("HEAD", "CT"); a person's name made of them ("Head", "Long") is looked for in
free text, but not in coded strings, where the standard itself writes them.

`PLACEHOLDERS` stand where a value was taken away, by us or by somebody before us.
"""

from __future__ import annotations

VOCABULARY = frozenset(
    """
    abdomen abdominal above acquisition acquired adult aligned angio angiography ankle anterior aorta apex arm arterial
    ascending axial axis back base below bilateral biopsy bladder blood body bone both brain breast brow bright
    calibration carotid cardiac cc center central cervical chest clavicle clinic coil colon color column contrast
    coronal coronary cranial cross cspine ct curve dark days default delay delayed department derived descending detail
    diffusion digital display distal dose dual dynamic echo elbow emergency end english enhanced erect european exam
    examination exposure extremity eye face family fast feet female femur field filter finger first flat flow fluoro
    foot forearm frame frontal full general gradient gray green grey group hand hard head heart height helical hip
    hospital house image imaging inferior internal joint kidney king knee lateral left leg level liver localizer long
    lower lumbar lung main male mammo mammography manual mask maximum mean medical medicine medium minimum mixed mlo
    mode modality monochrome month mri mrt multi muscle name native neck negative neonatal neutral none normal north
    nose number oblique office once open orbit original other outpatient overlay page palm pancreas parallel partial
    patient pediatric pelvis perfusion phantom phase physician plain plane portable position positive posterior primary
    pre post processed prone protocol pulmonary quality radiology radiography range rapid ray read reconstruction
    reference reformatted region regular request research rest rib ribs right room root round routine sacrum sagittal
    scan scout screening secondary sequence series service sharp short shoulder single site skull slice small soft
    south spine spiral spin spleen standard station stone stress strong study summer superior supine surgery survey
    swim table technician term test thin third thorax thoracic three tibia time toe tomography top trace trunk two
    ultrasound unit university unknown upper uterus vein venous vertical view volume water week weighted west whole
    winter wrist year years young xray
    cor sag tra axi obl dx cr dr mg mr us nm pt xa rf sc ot bmp jpeg dicom pacs hfs hfp ffs ffp lat swi flair
    axial localizer nema none yes not min max avg std resampled reformatted mpr mip
    """.split()  # noqa: SIM905 - a list to be read, not one literal per line
)

PLACEHOLDERS = frozenset(
    """
    anonym anonymous anonymized anonymised anon deidentified deid pseudonym pseudonymized removed redacted unknown
    none null empty dummy blank missing unspecified noname withheld cleaned replaced default
    """.split()  # noqa: SIM905
)

# What stands in the place of a name in phantoms, tests and templates: a name of nothing else names no one.
NO_NAMES = PLACEHOLDERS | frozenset(
    """
    test testing demo demonstration sample example phantom quality volunteer patient person operator technician
    physician doctor user admin last first middle name surname enter text here self
    """.split()  # noqa: SIM905
)

# Parts of a name that are no name.
TITLES = frozenset(
    """
    dr md mr mrs ms miss prof professor phd dphil dipl ing med jr sr ii iii iv von van der den
    """.split()  # noqa: SIM905
)


def is_common(canonical: str) -> bool:
    """True when every word of `canonical` is in the vocabulary, is a placeholder, or is a single character."""
    return all(len(word) < 2 or word in VOCABULARY or word in PLACEHOLDERS for word in canonical.split())


def names_no_one(words: list[str]) -> bool:
    """True when all words of a person's name are no names."""
    return all(len(word) < 2 or word in NO_NAMES or word in TITLES for word in words)


def is_placeholder(canonical: str) -> bool:
    """True when nothing but placeholders is in `canonical`."""
    return all(word in PLACEHOLDERS for word in canonical.split())
