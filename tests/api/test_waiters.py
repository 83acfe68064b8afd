"""boto3's waiters, where there is something to wait for: a function's place in a VPC, on the lab's clock."""

import pytest
from botocore.exceptions import WaiterError

from lambdalab import Lab
from tests.api.conftest import ROLE, RUNTIME, returning

pytestmark = pytest.mark.toolchains
SOON = {"Delay": 0.05, "MaxAttempts": 200}


class Region:
    """A lab with a VPC; a function is `Pending` or `InProgress` while the lab's clock goes on by a minute."""

    def __init__(self, clock_rate):
        self.lab = Lab(isolated=True, clock_rate=clock_rate)
        self.api = self.lab.client("lambda")
        ec2 = self.lab.client("ec2")
        self._ec2, self._vpc = ec2, ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self._group = ec2.create_security_group(VpcId=self._vpc, GroupName="g", Description="d")["GroupId"]
        self._subnets = 0
        self.asked = 0
        for operation in ("GetFunction", "GetFunctionConfiguration"):
            self.api.meta.events.register(f"after-call.lambda.{operation}", self._count)

    def place(self):
        """A VpcConfig that no function has, so that its interfaces are still to be made."""
        self._subnets += 1
        made = self._ec2.create_subnet(VpcId=self._vpc, CidrBlock=f"10.0.{self._subnets}.0/24")
        return {"SubnetIds": [made["Subnet"]["SubnetId"]], "SecurityGroupIds": [self._group]}

    def create(self, name, **more):
        code = {"ZipFile": returning("1")}
        return self.api.create_function(
            FunctionName=name, Runtime=RUNTIME, Role=ROLE, Handler="app.handler", Code=code, **more
        )

    def wait(self, waiter, name, settings, **more):
        """How many times the waiter asked."""
        self.asked = 0
        self.api.get_waiter(waiter).wait(FunctionName=name, WaiterConfig=settings, **more)
        return self.asked

    def _count(self, **_):
        self.asked += 1


@pytest.fixture(scope="module")
def region():
    """Where a minute of the lab's clock is half a second."""
    made = Region(120)
    yield made
    made.lab.close()


@pytest.fixture(scope="module")
def still():
    """Where the lab's clock hardly moves."""
    made = Region(0.001)
    yield made
    made.lab.close()


def state(region, name, **more):
    shown = region.api.get_function_configuration(FunctionName=name, **more)
    return shown["State"], shown.get("LastUpdateStatus")


@pytest.mark.parametrize("waiter", ["function_active", "function_active_v2"])
def test_a_waiter_asks_until_a_pending_function_is_active(region, waiter):
    assert region.create(waiter, VpcConfig=region.place())["State"] == "Pending"
    assert region.wait(waiter, waiter, SOON) > 1
    assert state(region, waiter) == ("Active", "Successful")


@pytest.mark.parametrize("waiter", ["function_updated", "function_updated_v2"])
def test_a_waiter_asks_until_an_update_is_done(region, waiter):
    region.create(waiter)
    region.wait("function_active_v2", waiter, SOON)
    moved = region.api.update_function_configuration(FunctionName=waiter, VpcConfig=region.place())
    assert moved["LastUpdateStatus"] == "InProgress"
    assert region.wait(waiter, waiter, SOON) > 1
    assert state(region, waiter) == ("Active", "Successful")


def test_a_waiter_asks_until_a_published_version_is_active(region):
    made = region.create("published", VpcConfig=region.place(), Publish=True)
    assert (made["Version"], made["State"]) == ("1", "Pending")
    assert region.wait("published_version_active", "published", SOON, Qualifier="1") > 1
    assert state(region, "published", Qualifier="1")[0] == "Active"


def test_a_version_that_is_published_later_is_waited_for_too(region):
    region.create("later")
    region.wait("function_active_v2", "later", SOON)
    version = region.api.publish_version(FunctionName="later")["Version"]
    region.wait("published_version_active", "later", SOON, Qualifier=version)
    assert state(region, "later", Qualifier=version)[0] == "Active"
    updated = region.api.update_function_code(FunctionName="later", ZipFile=returning("2"), Publish=True)
    region.wait("published_version_active", "later", SOON, Qualifier=updated["Version"])
    region.wait("function_updated_v2", "later", SOON)
    assert state(region, "later", Qualifier=updated["Version"])[0] == "Active"


def test_a_waiter_gives_up_on_what_stays_pending(still):
    still.create("pending", VpcConfig=still.place(), Publish=True)
    for waiter, more in (("function_active_v2", {}), ("published_version_active", {"Qualifier": "1"})):
        with pytest.raises(WaiterError, match="Max attempts exceeded"):
            still.wait(waiter, "pending", {"Delay": 0, "MaxAttempts": 3}, **more)
        assert still.asked == 3


def test_a_waiter_gives_up_on_an_update_that_stays_in_progress(still):
    still.create("moving")
    still.wait("function_active_v2", "moving", SOON)
    still.api.update_function_configuration(FunctionName="moving", VpcConfig=still.place())
    with pytest.raises(WaiterError, match="Max attempts exceeded"):
        still.wait("function_updated_v2", "moving", {"Delay": 0, "MaxAttempts": 3})


def test_a_waiter_waits_for_a_function_to_be_there_and_others_need_it(region):
    with pytest.raises(WaiterError, match="Max attempts exceeded"):
        region.wait("function_exists", "nobody", {"Delay": 0, "MaxAttempts": 2})
    with pytest.raises(WaiterError, match="ResourceNotFoundException"):
        region.wait("function_active_v2", "nobody", SOON)
    region.create("somebody")
    assert region.wait("function_exists", "somebody", SOON) == 1
