from nbdag.core.status import TaskStatus
from nbdag.views.mermaid import to_mermaid
from nbdag.views.scene import Scene
from tests.unit.views.scenes import graph, ml_pipeline, run, task


def test_a_pipeline_in_mermaid():
    """Boxes with their lines, arrows, one class for each state."""
    assert to_mermaid(ml_pipeline()).splitlines() == [
        "flowchart LR",
        '    n0("↺ load_data<br/>DataFrame 150×5")',
        '    n1("✓ clean<br/>0.31 s · DataFrame 147×5")',
        '    n2("✓ features<br/>1.8 s · ndarray 147×12")',
        '    n3("► train_model<br/>14 s · attempt 2 of 3")',
        '    n4("○ evaluate")',
        '    n5(["path = #39;iris.csv#39;"])',
        '    n6(["lr = 0.1"])',
        "    n0 --> n1",
        "    n1 --> n2",
        "    n2 --> n3",
        "    n1 --> n4",
        "    n3 --> n4",
        "    n5 -.- n0",
        "    n6 -.- n3",
        "    classDef cached fill:#e7f0fe,stroke:#0071f2,stroke-width:1.3px,color:#1f2328",
        "    class n0 cached",
        "    classDef success fill:#e7f4ec,stroke:#19804c,stroke-width:1.3px,color:#1f2328",
        "    class n1,n2 success",
        "    classDef running fill:#fff3df,stroke:#d97e00,stroke-width:2.2px,color:#1f2328",
        "    class n3 running",
        "    classDef pending fill:#ffffff,stroke:#858d98,stroke-width:1.3px,color:#1f2328",
        "    class n4 pending",
        "    classDef small fill:#f6f8fa,stroke:#d1d9e0,stroke-width:1px,color:#1f2328",
        "    class n5,n6 small",
    ]


def test_hostile_names_have_no_meaning_in_mermaid():
    """Quotes, markup, comments, code marks and Mermaid's own signs are written as numbers."""
    text = to_mermaid(Scene("ml", graph({'"]; click n0 "javascript:x" %%<b>`end`#': ()})))
    inside = text.splitlines()[1].removeprefix('    n0("').removesuffix('")')
    assert inside.startswith("○ #34;#93;#59; click n0 #34;javas…")
    assert not set(inside) & set('"<>`%[]{}|\\')


def test_a_mere_order_is_a_dotted_arrow():
    """It carries no result."""
    needs = {"a": (), "b": ("a",)}
    scene = Scene("ml", graph(needs, order_only={("a", "b")}), run({"a": task(TaskStatus.SUCCESS, 1.0)}))
    assert '    n0 -.->|"after"| n1' in to_mermaid(scene).splitlines()
