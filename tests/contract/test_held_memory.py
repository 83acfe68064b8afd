"""What an environment that waits still holds of what it once held: by that it is judged what a call may add."""

SOURCE = """
def grows(event, context):
    return len(b"x" * (60 << 20))
"""


def test_memory_that_a_function_gave_back_is_not_held_any_more(with_extensions):
    async def steps(engine):
        for _ in range(2):
            result = await engine.invoke("grows")
            assert result.body == str(60 << 20).encode()
            (waits,) = engine.environments.pool(engine.version("grows")).idle
            assert result.record.max_memory_mb >= 65
            assert waits.max_memory_mb() >= 65
            assert 5 <= waits.held_mb() <= waits.max_memory_mb() - 50

    with_extensions(steps, SOURCE)
