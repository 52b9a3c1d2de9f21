"""The options of a run, checked before anything starts."""

from datetime import timedelta

import numpy as np
import pytest

from nbdag.launch import RunOptions, run_options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"params": ["lr"]}, r"params=\['lr'\] must be a dict of values by name"),
        ({"overrides": 3}, "overrides=3 must be a dict"),
        ({"on_error": "abort"}, "on_error='abort' must be one of 'continue', 'stop', 'cancel'"),
        ({"on_error": "cancl"}, "Did you mean 'cancel'"),
        ({"timeout": 0}, "timeout=0 must be more than 0 seconds"),
        ({"timeout": "5"}, "timeout='5' must be a number"),
        ({"max_parallel": 0}, "max_parallel=0 must be a whole number, 1 or more"),
        ({"raise_on_error": 1}, "raise_on_error=1 must be True or False"),
        ({"output": "tial"}, "output='tial' must be one of .* Did you mean 'tail'"),
    ],
)
def test_a_wrong_option_names_value_and_remedy(options, message):
    """Each option of a run is checked when it is given."""
    with pytest.raises(ValueError, match=message):
        run_options(options)


def test_an_unknown_option_names_the_nearest():
    """A typo is no option."""
    with pytest.raises(TypeError, match=r"run\(\) has no option 'max_paralel'. Did you mean 'max_parallel'"):
        run_options({"max_paralel": 2})


def test_options_left_out_have_their_defaults():
    """None leaves an option out."""
    assert run_options({"timeout": None, "params": None}) == RunOptions()


def test_options_in_other_words():
    """A span may be a timedelta, a number one of NumPy's."""
    options = run_options({"timeout": timedelta(minutes=1), "max_parallel": np.int64(2)})

    assert (options.timeout, options.max_parallel) == (60.0, 2)


def test_a_start_refuses_what_run_refuses(pipeline):
    """`start` and `run_async` take the options of `run`, no others."""
    pipeline.task(lambda: 1, name="a")

    with pytest.raises(TypeError, match="no option 'timout'"):
        pipeline.start(timout=3)
    with pytest.raises(ValueError, match="timeout=-1"):
        pipeline.start(timeout=-1)
    assert pipeline.last_run is None
