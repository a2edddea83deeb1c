"""Reporting checklists: which item is about what, which of this software's answers belong to it, and what is left open.

Numbers are those of the published lists; the topics are in words of this project. CLEAR: Kocak et al., Insights Imaging
2023; 14: 75. METRICS: Kocak et al., Insights Imaging 2024; 15: 8. TRIPOD+AI: Collins et al., BMJ 2024; 385: e078378.
"""

from __future__ import annotations

from dataclasses import dataclass

CITATIONS = {
    "CLEAR": "CLEAR, 58 items: Kocak et al., Insights Imaging 2023; 14: 75, doi 10.1186/s13244-023-01415-8",
    "METRICS": "METRICS, 30 items: Kocak et al., Insights Imaging 2024; 15: 8, doi 10.1186/s13244-023-01572-w",
    "TRIPOD+AI": "TRIPOD+AI, 27 items: Collins et al., BMJ 2024; 385: e078378, doi 10.1136/bmj-2023-078378",
}
ANSWERED, IN_PART, OPEN = "answered", "in part", "open"


@dataclass(frozen=True)
class Topic:
    """One item of a checklist.

    Parameters
    ----------
    number : str
        Its number there.
    about : str
        What it is about.
    keys : tuple of str
        Answers that belong to it.
    left : str
        What the authors must add to them; empty where they say it all.
    """

    number: str
    about: str
    keys: tuple[str, ...] = ()
    left: str = ""


def _topics(lines: str) -> tuple[Topic, ...]:
    """Read topics: a line each of number, subject, keys of answers and what is left, with bars between."""
    found = []
    for line in lines.strip().splitlines():
        number, about, keys, left = ([each.strip() for each in line.split("|")] + ["", ""])[:4]
        found.append(Topic(number, about, tuple(keys.split()), left))
    return tuple(found)


CLEAR = _topics(
    """
    1 | Title names the radiomics method
    2 | Structured abstract
    3 | Keywords
    4 | Background
    5 | Why radiomics
    6 | Aims
    7 | Guidelines followed | checklists
    8 | Ethics and data protection
    9 | How the sample size was arrived at | sample_size | whether it was planned before
    10 | Nature of the study
    11 | Who was eligible | flow | criteria and recruitment
    12 | Flow of the technical steps | steps
    13 | Where the data come from
    14 | Overlap with earlier publications
    15 | How the data were split | split
    16 | Imaging protocol | images | devices and acquisition
    17 | Predictors other than radiomics | clinical | their definitions
    18 | Reference standard | outcome | how and by whom it was assessed
    19 | How lesions were outlined | views | tool and rules
    20 | Who outlined | readers | experience and blinding
    21 | Preprocessing | preprocessing
    22 | Resampling | resampling
    23 | Discretisation | discretisation
    24 | Image types | image_types
    25 | How features were computed | extraction
    26 | Classes of features | feature_classes
    27 | Number of features | feature_count
    28 | Other settings of the extraction | other_settings
    29 | Missing data | missing
    30 | Class imbalance | imbalance
    31 | Reliability of the outlines | stability
    32 | Scaling of features | scaling
    33 | Reduction of dimensions | reduction
    34 | Algorithm | algorithm
    35 | Training and tuning | tuning
    36 | Confounders | confounders | which were expected, and why
    37 | How the model was chosen | choice
    38 | How it was tested | testing
    39 | Measures of performance | measures
    40 | Uncertainty | uncertainty
    41 | Statistical comparison of models | comparison
    42 | How radiomics was compared with other and combined models | combined
    43 | Explanation of the model | explanation
    44 | Baseline characteristics | baseline
    45 | Diagram of exclusions | flow
    46 | Statistics of the features | feature_statistics
    47 | Performance found | performance
    48 | Radiomics against other and combined models, results | combined_results
    49 | Main findings
    50 | Earlier work
    51 | Meaning for practice
    52 | Strengths and limitations | limitations | those of design and recruitment
    53 | Images and outlines shared
    54 | Features shared
    55 | Scripts and settings of preprocessing shared | settings_file | where they are published
    56 | Source of the modelling shared | software | where it is published
    57 | Final model shared | model_file | where it is published
    58 | System ready to use | system
    """
)
METRICS = _topics(
    """
    1 | Guidelines or checklists followed | checklists
    2 | Eligibility that gives a representative sample | flow | criteria, and why they are representative
    3 | Reference standard of good quality | outcome | how and by whom it was assessed
    4 | Several centres | centres
    5 | Images as in clinical routine
    6 | Imaging protocol with its parameters | images | devices and acquisition
    7 | Time between image and reference standard | interval
    8 | Outlining described | views readers | tool and rules
    9 | Fully automatic outlines evaluated
    10 | Test outlines by one reader or one tool | readers | of which reader the test outlines are
    11 | Preprocessing suitable and described | preprocessing resampling discretisation
    12 | Standardised software for features | extraction
    13 | Settings of the extraction | other_settings
    14 | Features that are not robust removed | stability
    15 | Redundant features removed | reduction
    16 | Dimensions in proportion to the data | sample_size
    17 | Robustness of end-to-end deep learning | no_deep_learning
    18 | Data split properly | split
    19 | Confounders | confounders | which were expected, and why
    20 | Measures suited to the task | measures
    21 | Uncertainty | uncertainty
    22 | Calibration | calibration
    23 | One imaging technique, or why several | images
    24 | Compared with a method without radiomics | combined_results
    25 | Compared with simple models | simple
    26 | Internal test | testing
    27 | External test
    28 | Data shared
    29 | Code shared | software | where it is published
    30 | Model shared | model_file | where it is published
    """
)
TRIPOD_AI = _topics(
    """
    1 | Title
    2 | Abstract
    3a | Context and rationale
    3b | Purpose, place in care, users
    3c | Known inequalities in health
    4 | Objectives
    5a | Sources of data
    5b | Dates of recruitment
    6a | Setting and centres | centres | setting and places
    6b | Eligibility | flow | criteria
    6c | Treatments
    7 | Preparation of data, checks of quality | preprocessing resampling discretisation | checks; whether alike for all
    8a | Outcome | outcome | why it was chosen, how and when assessed
    8b | Who assessed the outcome
    8c | Blinding of the outcome
    9a | Choice of candidate predictors | feature_count
    9b | Definition of predictors | extraction clinical | blinding
    9c | Who measured subjective predictors | readers | experience
    10 | Sample size | sample_size | whether it was planned before
    11 | Missing data | missing
    12a | How the data were used | split
    12b | Handling of predictors | scaling
    12c | Model, steps of building it, tuning, internal validation | algorithm reduction tuning testing
    12d | Differences between clusters such as centres | centres
    12e | Measures and plots of performance | measures
    12f | Updating of the model, methods | no_updating
    12g | How predictions were computed | model_file
    13 | Class imbalance | imbalance
    14 | Fairness | fairness | what was done for it, and why
    15 | Output of the model and thresholds | output
    16 | Differences between development and evaluation data | differences
    17 | Ethics approval and consent
    18a | Funding
    18b | Conflicts of interest
    18c | Protocol
    18d | Registration
    18e | Data sharing
    18f | Code sharing | software | where it is published
    19 | Patients and public involved
    20a | Flow of participants, with and without the outcome | flow
    20b | Characteristics of participants, missing data | baseline missing | dates and treatments
    20c | Evaluation against development data | differences
    21 | Participants and events in each analysis | events
    22 | The full model | model_file | restrictions of its use
    23a | Performance with intervals, also in subgroups | performance subgroups
    23b | Performance across clusters | centres
    24 | Updating of the model, results | no_updating
    25 | Interpretation
    26 | Limitations | limitations | those of design and recruitment
    27a | Input of poor quality or not available | poor_input
    27b | What users must do and know | users | expertise that users need
    27c | Next steps
    """
)
LISTS = {"CLEAR": CLEAR, "METRICS": METRICS, "TRIPOD+AI": TRIPOD_AI}
FILES = {"CLEAR": "checklist_clear", "METRICS": "checklist_metrics", "TRIPOD+AI": "checklist_tripod_ai"}


def tables(answers: dict[str, str]) -> dict[str, list[dict]]:
    """Return the items of each list with their answers, by the name of its file.

    Parameters
    ----------
    answers : dict
        Sentences by key; those without a text are open.

    Returns
    -------
    dict of str to list of dict
        Rows of ``item``, ``about``, ``status`` (answered, in part, open) and ``answer``.
    """
    return {
        FILES[name]: [{"item": each.number, "about": each.about} | _answered(each, answers) for each in topics]
        for name, topics in LISTS.items()
    }


def _answered(topic: Topic, answers: dict[str, str]) -> dict:
    known = [answers[key] for key in topic.keys if answers.get(key)]
    if not known:
        return {"status": OPEN, "answer": "For the authors."}
    complete = len(known) == len(topic.keys) and not topic.left
    left = f" For the authors: {topic.left}." if topic.left else ""
    return {"status": ANSWERED if complete else IN_PART, "answer": " ".join(known) + left}


def counted(found: dict[str, list[dict]]) -> list[str]:
    """Say of each list, as :func:`tables` gives it, how many items are answered, in part, and open; with citations."""
    lines = []
    for name, citation in CITATIONS.items():
        states = [row["status"] for row in found.get(FILES[name], [])]
        total = len(LISTS[name])
        answered, in_part = states.count(ANSWERED), states.count(IN_PART)
        unit = "items" if name != "TRIPOD+AI" else "items and parts of items"
        left = total - answered - in_part
        lines.append(f"{citation}. Of {total} {unit}: {answered} answered, {in_part} in part, {left} open.")
    return lines
