"""Java's hooks of SnapStart, with AWS's client and with the one of ours, the same from both; and C#'s."""

import pytest

from lambdalab import Lab
from lambdalab.errors import AwsError, LabError
from lambdalab.toolchains import maven
from lambdalab.toolchains.maven import Artifact, NoJars
from tests.runtimes.conftest import needs

pytestmark = pytest.mark.toolchains
SOURCE = """
import java.util.*;
import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

public class Hooked {
    private static final List<String> told = new ArrayList<>();
    private final Hook first = new Hook("first"), second = new Hook("second");

    static class Hook implements Resource {
        private final String name;

        Hook(String name) {
            this.name = name;
            Core.getGlobalContext().register(this);
        }

        @Override
        public void beforeCheckpoint(Context<? extends Resource> context) throws Exception {
            told.add("before " + name);
            if ("before".equals(System.getenv("FAILS"))) throw new IllegalStateException("not " + name);
        }

        @Override
        public void afterRestore(Context<? extends Resource> context) throws Exception {
            told.add("after " + name);
            if ("after".equals(System.getenv("FAILS"))) throw new IllegalStateException("not " + name);
        }
    }

    public List<String> handleRequest(Object event) {
        told.add("handler");
        return told;
    }
}
"""


@pytest.fixture(scope="module", params=["AWS's client", "our client"])
def java(request, tmp_path_factory):
    """A region whose Java functions have this client."""
    needs("java21")
    try:
        maven.jars([Artifact("io.github.crac", "org-crac", "0.1.3")], tmp_path_factory.mktemp("jars"))
    except NoJars as why:
        pytest.skip(str(why))
    patch = pytest.MonkeyPatch()
    if request.param == "our client":
        patch.setenv("LAMBDALAB_JAVA_CLIENT", "own")
    with Lab(isolated=True) as lab:
        lab.environment()
        patch.undo()
        yield lab


@pytest.fixture(params=["java11", "java21"])
def hooked(java, request):
    """A function with hooks of a runtime; they fail as its variable FAILS says."""
    needs(request.param)

    def deploy(fails=""):
        function = java[f"hooked-{request.param}-{fails or 'well'}"]
        function.deploy(SOURCE, runtime=request.param, memory=256, timeout=10, env={"FAILS": fails})
        function.configure(snapstart=True)
        return function

    return deploy


def log_of(function):
    return str(function.logs())


def test_hooks_run_in_aws_order_around_the_snapshot(hooked):
    function = hooked()
    assert function.publish().version == "1"
    call = function.invoke(qualifier="1")
    assert call.payload == ["before second", "before first", "after first", "after second", "handler"]
    assert call.init_ms is None
    assert call.restore_ms > 0
    assert call.cost.restore == 0, "Java's restores are free"
    assert function.invoke().payload == ["handler"], "$LATEST has no hooks run"


def test_a_failing_before_hook_fails_the_version(hooked):
    function = hooked("before")
    with pytest.raises(LabError, match="could not be published: An error occurred during function initialization"):
        function.publish()
    log = log_of(function)
    assert "IllegalStateException: not first" in log and "IllegalStateException: not second" in log
    assert "Error Type: Runtime.BeforeCheckpointError" in log


def test_a_failing_after_hook_fails_the_call(hooked):
    function = hooked("after")
    function.publish()
    with pytest.raises(AwsError, match="runtime hook encountered an error") as refused:
        function.invoke(qualifier="1")
    assert (refused.value.error_code, refused.value.http_status) == ("SnapStartException", 400)
    log = log_of(function)
    assert "IllegalStateException: not first" in log and "IllegalStateException: not second" in log
    assert "Error Type: Runtime.AfterRestoreError" in log


CSHARP = """
using System;
using System.Collections.Generic;
using System.Threading.Tasks;
using Amazon.Lambda.Core;

public class Function
{
    static readonly List<string> Told = new();

    public Function()
    {
        foreach (var name in new[] { "first", "second" })
        {
            SnapshotRestore.RegisterBeforeSnapshot(() => Tell("before", name));
            SnapshotRestore.RegisterAfterRestore(() => Tell("after", name));
        }
    }

    static async ValueTask Tell(string when, string name)
    {
        await Task.Yield();
        Told.Add(when + " " + name);
        if (Environment.GetEnvironmentVariable("FAILS") == when) throw new InvalidOperationException("not " + name);
    }

    public List<string> Handle(object input)
    {
        Told.Add("handler");
        return Told;
    }
}
"""


@pytest.fixture
def dotnet(lab):
    """The same in C#."""
    needs("dotnet8")

    def deploy(fails=""):
        function = lab[f"csharp-{fails or 'well'}"]
        function.deploy(CSHARP, runtime="dotnet8", memory=256, timeout=10, env={"FAILS": fails})
        function.configure(snapstart=True)
        return function

    return deploy


def test_hooks_of_csharp_run_in_aws_order(dotnet):
    function = dotnet()
    function.publish()
    call = function.invoke(qualifier="1")
    assert call.payload == ["before second", "before first", "after first", "after second", "handler"]
    assert call.restore_ms > 0
    assert call.cost.restore > 0, "only Java's restores are free"


def test_failing_hooks_of_csharp_fail_the_version_or_the_call(dotnet):
    with pytest.raises(LabError, match="could not be published"):
        dotnet("before").publish()
    assert "Error Type: Runtime.BeforeSnapshotError" in log_of(dotnet("before"))
    function = dotnet("after")
    function.publish()
    with pytest.raises(AwsError, match="runtime hook encountered an error"):
        function.invoke(qualifier="1")
    log = log_of(function)
    assert "InvalidOperationException: not first" in log
    assert "Error Type: Runtime.AfterRestoreError" in log
