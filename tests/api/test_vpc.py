"""Functions in a VPC: what EC2 does not have is refused, and what is simulated waits on the lab's clock and says so."""

import pytest

from lambdalab import Lab
from lambdalab.errors import BadOption
from tests.api.conftest import ROLE, refusal, returning


class Place:
    """A lab with a VPC of one subnet and one group."""

    def __init__(self, **settings):
        self.lab = Lab(isolated=True, **settings)
        ec2 = self.lab.client("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        self.group = ec2.create_security_group(VpcId=self.vpc, GroupName="g", Description="d")["GroupId"]
        self.ec2, self.api = ec2, self.lab.client("lambda")

    @property
    def config(self):
        return {"SubnetIds": [self.subnet], "SecurityGroupIds": [self.group]}

    def create(self, name, **more):
        code = {"ZipFile": returning("os.environ.get('STAGE')")}
        return self.api.create_function(
            FunctionName=name, Runtime="python3.12", Role=ROLE, Handler="app.handler", Code=code, **more
        )

    def wait(self, waiter, name):
        self.api.get_waiter(waiter).wait(FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})


@pytest.fixture(scope="module")
def fast():
    """Where a minute of the lab's clock is a hundredth of a second."""
    place = Place(clock_rate=6000)
    yield place
    place.lab.close()


@pytest.fixture(scope="module")
def still():
    """Where the lab's clock hardly moves: what waits, waits."""
    place = Place(clock_rate=0.001)
    yield place
    place.lab.close()


def test_a_function_is_pending_until_its_interfaces_are_there(fast):
    made = fast.create("attached", VpcConfig=fast.config)
    assert (made["State"], made["StateReasonCode"]) == ("Pending", "Creating")
    assert made["StateReason"].startswith("The function is being created.")
    assert "60 s for its network interfaces, simulated on the lab's clock" in made["StateReason"]
    assert made["VpcConfig"] == {**fast.config, "VpcId": fast.vpc, "Ipv6AllowedForDualStack": False}
    fast.wait("function_active_v2", "attached")
    result = fast.lab["attached"].invoke({})
    assert result.ok
    assert result.record.simulated_ms == 0, "today's model waits at the creation, not at the start"


def test_a_pending_function_takes_no_call_no_change_and_no_publishing(still):
    still.create("pending", VpcConfig=still.config)
    wait = "The operation cannot be performed at this time. "
    assert refusal(still.api.invoke, FunctionName="pending") == (
        409, "ResourceConflictException", wait + "The function is currently in the following state: Pending",
    )  # fmt: skip
    arn = "arn:aws:lambda:us-east-1:123456789012:function:pending"
    under_way = (409, "ResourceConflictException", f"{wait}An update is in progress for resource: {arn}")
    assert refusal(still.api.publish_version, FunctionName="pending") == under_way
    assert refusal(still.api.update_function_configuration, FunctionName="pending", Timeout=9) == under_way


def test_a_second_function_in_the_same_place_shares_the_interfaces_and_waits_for_nothing(still):
    subnet = still.ec2.create_subnet(VpcId=still.vpc, CidrBlock="10.0.9.0/24")["Subnet"]["SubnetId"]
    config = {"SubnetIds": [subnet], "SecurityGroupIds": [still.group]}
    still.create("first", VpcConfig=config)
    still.create("second", VpcConfig=config)
    still.wait("function_active_v2", "second")
    assert still.api.get_function_configuration(FunctionName="first")["State"] == "Pending"


def test_calls_run_the_old_code_and_configuration_until_the_move_into_a_vpc_is_done(still):
    still.create("moving", Environment={"Variables": {"STAGE": "old"}})
    still.wait("function_active_v2", "moving")
    subnet = still.ec2.create_subnet(VpcId=still.vpc, CidrBlock="10.0.2.0/24")["Subnet"]["SubnetId"]
    moved = still.api.update_function_configuration(
        FunctionName="moving", Environment={"Variables": {"STAGE": "new"}},
        VpcConfig={"SubnetIds": [subnet], "SecurityGroupIds": [still.group]},
    )  # fmt: skip
    assert moved["LastUpdateStatus"] == "InProgress"
    assert still.lab["moving"].invoke({}).payload == "old"


def test_after_the_move_calls_run_the_new_configuration(fast):
    fast.create("moved", Environment={"Variables": {"STAGE": "old"}})
    fast.wait("function_active_v2", "moved")
    assert fast.lab["moved"].invoke({}).payload == "old"
    subnet = fast.ec2.create_subnet(VpcId=fast.vpc, CidrBlock="10.0.3.0/24")["Subnet"]["SubnetId"]
    fast.api.update_function_configuration(
        FunctionName="moved", Environment={"Variables": {"STAGE": "new"}},
        VpcConfig={"SubnetIds": [subnet], "SecurityGroupIds": [fast.group]},
    )  # fmt: skip
    fast.wait("function_updated_v2", "moved")
    assert fast.lab["moved"].invoke({}).payload == "new"


def test_the_wait_for_interfaces_is_told_as_simulated_before_it_and_with_the_result(fast):
    fast.create("told")
    subnet = fast.ec2.create_subnet(VpcId=fast.vpc, CidrBlock="10.0.7.0/24")["Subnet"]["SubnetId"]
    told = []
    done = fast.lab["told"].configure(vpc=([subnet], [fast.group]), waiting=told.append)
    words = "60 s for its network interfaces, simulated on the lab's clock"
    assert (told, done.notes) == ([words], (f"waited {words}",))
    assert repr(done).endswith(f"; changed: VPC; waited {words}")
    assert fast.lab["told"].configure(memory=256).notes == (), "the interfaces are there already"


def test_a_tag_set_while_a_function_is_pending_does_not_keep_it_pending(fast):
    subnet = fast.ec2.create_subnet(VpcId=fast.vpc, CidrBlock="10.0.4.0/24")["Subnet"]["SubnetId"]
    made = fast.create("tagged", VpcConfig={"SubnetIds": [subnet], "SecurityGroupIds": [fast.group]})
    fast.api.put_function_concurrency(FunctionName="tagged", ReservedConcurrentExecutions=3)
    fast.api.tag_resource(Resource=made["FunctionArn"], Tags={"a": "b"})
    fast.wait("function_active_v2", "tagged")


def test_empty_lists_take_a_function_out_of_its_vpc(fast):
    fast.create("leaving", VpcConfig=fast.config)
    fast.wait("function_active_v2", "leaving")
    empty = {"SubnetIds": [], "SecurityGroupIds": []}
    left = fast.api.update_function_configuration(FunctionName="leaving", VpcConfig=empty)
    assert left["VpcConfig"] == {**empty, "VpcId": "", "Ipv6AllowedForDualStack": False}


def test_what_ec2_does_not_have_is_refused_with_its_words(fast):
    def refused(**config):
        return refusal(fast.create, name="nowhere", VpcConfig=config)

    gone, group = "subnet-0123456789abcdef0", "sg-0a1b2c3d4e5f60718"
    assert refused(SubnetIds=[gone], SecurityGroupIds=[fast.group]) == (
        400, "InvalidParameterValueException",
        "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. "
        f"EC2 Error Message: The subnet ID '{gone}' does not exist",
    )  # fmt: skip
    assert refused(SubnetIds=[fast.subnet], SecurityGroupIds=[group]) == (
        400, "InvalidParameterValueException",
        "Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. "
        f"EC2 Error Message: The security group '{group}' does not exist",
    )  # fmt: skip
    assert refused(SubnetIds=[fast.subnet])[2] == "SubnetIds and SecurityIds must coexist or be both empty list."
    assert [
        one["FunctionName"] for one in fast.api.list_functions()["Functions"] if one["FunctionName"] == "nowhere"
    ] == []


def test_subnets_of_two_vpcs_are_refused(fast):
    other = fast.ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    far = fast.ec2.create_subnet(VpcId=other, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    config = {"SubnetIds": [fast.subnet, far], "SecurityGroupIds": [fast.group]}
    assert "more than one VPC" in refusal(fast.create, name="split", VpcConfig=config)[2]


def test_a_group_of_another_vpc_than_the_subnets_is_refused(fast):
    other = fast.ec2.create_vpc(CidrBlock="10.8.0.0/16")["Vpc"]["VpcId"]
    far = fast.ec2.create_security_group(VpcId=other, GroupName="far", Description="d")["GroupId"]
    for groups in ([far], [fast.group, far]):
        config = {"SubnetIds": [fast.subnet], "SecurityGroupIds": groups}
        assert refusal(fast.create, name="apart", VpcConfig=config) == (
            400, "InvalidParameterValueException", "Security Groups are required to be in the same VPC.",
        )  # fmt: skip


def test_the_classic_model_waits_at_each_cold_start_and_the_result_says_that_it_is_simulated():
    place = Place(clock_rate=3000, vpc_model="classic")
    place.create("classic", VpcConfig=place.config)
    place.wait("function_active_v2", "classic")
    cold, warm = place.lab["classic"].invoke({}), place.lab["classic"].invoke({})
    place.lab.close()
    assert 10_000 <= cold.record.simulated_ms <= 30_000
    assert cold.record.billed_ms < 5000, "what is simulated is not billed"
    assert "for a network interface (simulated)" in repr(cold)
    assert "simulated, not billed" in cold._repr_html_()
    assert (warm.record.cold, warm.record.simulated_ms) == (False, 0)
    assert "simulated" not in repr(warm)


@pytest.mark.parametrize(
    ("name", "value"),
    [("LAMBDALAB_VPC_MODEL", "modern"), ("LAMBDALAB_CLOCK_RATE", "0"), ("LAMBDALAB_CLOCK_RATE", "fast")],
)
def test_a_setting_that_means_nothing_is_refused_with_what_it_takes(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(BadOption, match=f"{name} is '{value}'"):
        Lab(isolated=True).settings  # noqa: B018
