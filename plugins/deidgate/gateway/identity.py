# SPDX-License-Identifier: Apache-2.0
"""Who the instance belongs to. Everything that is doubtful about that is held."""

from __future__ import annotations

from deidgate.errors import CannotDeidentify
from deidgate.gateway.original import Original
from deidgate.gateway.ports import Item, Patient, Patients
from deidgate.policy.model import Policy
from deidgate.policy.routes import Route

PATIENT_ID_COLLIDES = "patient-id-collides"
STUDY_HAS_TWO_PATIENTS = "study-has-two-patients"


def patient_of(original: Original, route: Route, policy: Policy, item: Item, patients: Patients) -> Patient:
    """The patient's pseudonyms in the route's project.

    A patient is known by (site, Patient ID): the Issuer of Patient ID is free text that two clinics may share.

    Raises
    ------
    CannotDeidentify
        ``patient-id-blank``, ``patient-id-several``; unless a person let that pass, ``patient-id-collides``, where the
        site used the Patient ID with another name or birth date before, and ``study-has-two-patients``.
    """
    person = original.person()
    patient = patients.patient(route.project, route.site, person, policy.pseudonym)
    if patient.differs and PATIENT_ID_COLLIDES not in item.accepted:
        raise CannotDeidentify(PATIENT_ID_COLLIDES, min(patient.differs))
    bound = patients.binds(
        route.project, route.site, original.text("StudyInstanceUID"), patient.id, original.text("AccessionNumber")
    )
    if not bound and STUDY_HAS_TWO_PATIENTS not in item.accepted:
        raise CannotDeidentify(STUDY_HAS_TWO_PATIENTS, "PatientID")
    return patient
