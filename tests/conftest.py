"""What every test may ask for."""

pytest_plugins = ["tests.fixtures.servers", "tests.fixtures.base", "tests.fixtures.journee"]
