"""The drill: restore a sample nobody picked, hold it against what the source held, and show that attacks are refused.

Composes verify and restore. Proves and writes down; decides nothing about the repository and changes nothing in it.
"""

from proofkeep.drill.live import questions_for, spot_check
from proofkeep.drill.markdown import render_markdown
from proofkeep.drill.plan import Environment, Live, Places, Plan
from proofkeep.drill.receipts import Answer, Attacked, Draw, DrillReport, Question, Restored, Spotted, StepFailure
from proofkeep.drill.run import Drill, run_drill
from proofkeep.drill.writing import evidence_file, load_evidence

__all__ = [
    "Answer",
    "Attacked",
    "Draw",
    "Drill",
    "DrillReport",
    "Environment",
    "Live",
    "Places",
    "Plan",
    "Question",
    "Restored",
    "Spotted",
    "StepFailure",
    "evidence_file",
    "load_evidence",
    "questions_for",
    "render_markdown",
    "run_drill",
    "spot_check",
]
