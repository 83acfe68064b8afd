"""What a function's errors and log say of places is what AWS's would, wherever the code really lies."""

import pytest

from lambdalab import Lab

pytestmark = pytest.mark.toolchains
SOURCE = """
import traceback
import layered

def handler(event, context):
    try:
        layered.fail()
    except ValueError:
        traceback.print_exc()
    layered.fail()
"""


@pytest.mark.parametrize("backend", ["namespaces", "process"])
def test_no_path_of_the_home_is_in_an_error_or_a_log(backend):
    with Lab(isolated=True, backend=backend) as lab:
        lab.layer("layered").publish_module("def fail():\n    raise ValueError('no')\n")
        lab["f"].deploy(SOURCE, runtime="python3.12")
        lab["f"].configure(layers=["layered:1"])
        result = lab["f"].invoke()
        said = f"{result.raw.decode()}\n{result.log}\n{lab['f'].logs()}"
        assert str(lab.settings.home) not in said
        assert 'File "/var/task/lambda_function.py", line 7, in handler' in result.log
        assert 'File "/opt/python/layered.py", line 2, in fail' in said
        assert "/var/task/lambda_function.py" in result.raw.decode()
