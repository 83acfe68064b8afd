"""What each language's own logger writes reads as the message in a card's pane, in both formats of a log."""

import pytest

from lambdalab.notebook.views import log_lines
from tests.runtimes.conftest import needs

pytestmark = pytest.mark.toolchains
CELLS = {
    "python3.12": """
import logging
logging.getLogger().setLevel("INFO")
def handler(event, context):
    logging.info("greeting Ada")
    logging.warning("low stock")
""",
    "nodejs22.x": """
export const handler = async () => { console.log("greeting", "Ada"); console.warn("low stock"); };
""",
    "java21": """
import com.amazonaws.services.lambda.runtime.*;
import com.amazonaws.services.lambda.runtime.logging.LogLevel;
public class Hello implements RequestHandler<Object, Object> {
    public Object handleRequest(Object event, Context context) {
        context.getLogger().log("greeting Ada\\n", LogLevel.INFO);
        context.getLogger().log("low stock\\n", LogLevel.WARN);
        return null;
    }
}
""",
    "ruby3.3": """
require "logger"
LOG = Logger.new($stdout)
def handler(event:, context:)
  LOG.info("greeting Ada")
  LOG.warn("low stock")
end
""",
    "dotnet8": """
using Amazon.Lambda.Core;
public class Function
{
    public object Handler(object input, ILambdaContext context)
    {
        context.Logger.LogInformation("greeting Ada");
        context.Logger.LogWarning("low stock");
        return "";
    }
}
""",
}


@pytest.mark.parametrize("form", ["Text", "JSON"])
@pytest.mark.parametrize("runtime", CELLS)
def test_the_pane_has_the_messages_behind_their_levels(lab, runtime, form):
    needs(runtime)
    function = lab[f"logs-{runtime.replace('.', '-')}"]
    function.deploy(CELLS[runtime], runtime=runtime, memory=512, timeout=30)
    function.configure(log_format=form)
    shown = [(line.gutter.strip(), line.words) for line in log_lines.own_lines(function.invoke({}).log)]
    warning = "WARNING" if runtime.startswith("python") else "WARN"
    assert shown == [("INFO", "greeting Ada"), (warning, "low stock")]
