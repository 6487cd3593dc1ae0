import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from botocore.config import Config
from moto.stepfunctions.parser.asl.parse import asl_parser
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser, ASLParserException

from local.step_functions import KeptClients, keep_programs
from workflow import definition

FUNCTION = "arn:aws:lambda:eu-central-1:000000000000:function:any"
DEFINITION = definition.render(dict.fromkeys(definition.placeholders(), FUNCTION))
SETTINGS = {
    "region_name": "eu-central-1",
    "aws_access_key_id": "ak",
    "aws_secret_access_key": "sk",
    "endpoint_url": "http://localhost:1",
}


@pytest.fixture
def fresh() -> object:
    program, _ = AmazonStateLanguageParser.parse(DEFINITION)
    return program


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that moto reads while the test runs, with programs kept."""
    texts = []

    def lexer(text: object) -> object:
        texts.append(str(text))
        return reads(text)

    reads = asl_parser.ASLLexer
    monkeypatch.setattr(asl_parser, "ASLLexer", lexer)
    monkeypatch.setattr(AmazonStateLanguageParser, "parse", AmazonStateLanguageParser.parse)
    keep_programs()
    return texts


def without_addresses(program: object) -> str:
    return re.sub(r"0x[0-9a-f]+", "", str(program))


def test_a_definition_is_read_once(read: list[str]) -> None:
    for _ in range(3):
        AmazonStateLanguageParser.parse(DEFINITION)
    AmazonStateLanguageParser.parse(DEFINITION + " ")

    assert read == [DEFINITION, DEFINITION + " "]


def test_the_kept_program_is_the_one_that_moto_makes(fresh: object, read: list[str]) -> None:
    AmazonStateLanguageParser.parse(DEFINITION)
    kept, _ = AmazonStateLanguageParser.parse(DEFINITION)

    assert without_addresses(kept) == without_addresses(fresh)
    assert len(without_addresses(fresh)) > len(DEFINITION)


def test_a_definition_that_cannot_be_read_is_refused_every_time(read: list[str]) -> None:
    for _ in range(2):
        with pytest.raises(ASLParserException):
            AmazonStateLanguageParser.parse('{"StartAt": "nowhere", "States": }')


def test_a_client_is_made_once_for_the_same_settings_however_many_ask_for_it() -> None:
    session, together = KeptClients(), Barrier(8)

    def ask(_: int) -> object:
        together.wait()
        return session.client("sqs", config=Config(retries={"max_attempts": 0}), **SETTINGS)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(map(id, pool.map(ask, range(8))))) == 1


@pytest.mark.parametrize(
    "other",
    [
        lambda session: session.client("lambda", config=Config(retries={"max_attempts": 0}), **SETTINGS),
        lambda session: session.client("sqs", config=Config(retries={"max_attempts": 1}), **SETTINGS),
        lambda session: session.client(
            "sqs", config=Config(retries={"max_attempts": 0}), **SETTINGS | {"region_name": "eu-west-1"}
        ),
        lambda session: session.client(
            "sqs", config=Config(retries={"max_attempts": 0}), **SETTINGS | {"aws_access_key_id": "other"}
        ),
        lambda session: session.client("sqs", **SETTINGS),
    ],
    ids=["service", "retries", "region", "key", "no settings of its own"],
)
def test_other_settings_get_another_client(other: Callable[[KeptClients], object]) -> None:
    session = KeptClients()
    client = session.client("sqs", config=Config(retries={"max_attempts": 0}), **SETTINGS)

    assert other(session) is not client
    assert client is session.client("sqs", config=Config(retries={"max_attempts": 0}), **SETTINGS)


def test_a_kept_client_has_the_settings_that_were_asked_for_and_room_for_many_calls() -> None:
    config = KeptClients().client("sqs", config=Config(read_timeout=7), **SETTINGS).meta.config

    assert (config.read_timeout, config.max_pool_connections, config.region_name) == (7, 64, "eu-central-1")
