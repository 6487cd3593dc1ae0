import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from botocore.config import Config
from moto.stepfunctions.parser.asl.parse import asl_parser
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser, ASLParserException

from local.step_functions import ClientCachingSession, cache_parsed_definitions
from workflow import state_machine_definition

FUNCTION = "arn:aws:lambda:eu-central-1:000000000000:function:any"
DEFINITION = state_machine_definition.render(dict.fromkeys(state_machine_definition.placeholders(), FUNCTION))
SETTINGS = {
    "region_name": "eu-central-1",
    "aws_access_key_id": "ak",
    "aws_secret_access_key": "sk",
    "endpoint_url": "http://localhost:1",
}


@pytest.fixture
def parsed_program() -> object:
    program, _ = AmazonStateLanguageParser.parse(DEFINITION)
    return program


@pytest.fixture
def parsed_texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record every text that moto parses during the test, with the cache on."""
    texts = []

    def lexer(text: object) -> object:
        texts.append(str(text))
        return original_lexer(text)

    original_lexer = vars(asl_parser)["ASLLexer"]
    monkeypatch.setattr(asl_parser, "ASLLexer", lexer)
    monkeypatch.setattr(AmazonStateLanguageParser, "parse", AmazonStateLanguageParser.parse)
    cache_parsed_definitions()
    return texts


def without_addresses(program: object) -> str:
    return re.sub(r"0x[0-9a-f]+", "", str(program))


def test_a_definition_is_parsed_once(parsed_texts: list[str]) -> None:
    for _ in range(3):
        AmazonStateLanguageParser.parse(DEFINITION)
    AmazonStateLanguageParser.parse(DEFINITION + " ")

    assert parsed_texts == [DEFINITION, DEFINITION + " "]


def test_the_cached_program_equals_the_one_that_moto_parses(
    parsed_program: object, parsed_texts: list[str]
) -> None:
    AmazonStateLanguageParser.parse(DEFINITION)
    cached, _ = AmazonStateLanguageParser.parse(DEFINITION)

    assert without_addresses(cached) == without_addresses(parsed_program)
    assert len(without_addresses(parsed_program)) > len(DEFINITION)


def test_an_invalid_definition_is_refused_every_time(parsed_texts: list[str]) -> None:
    for _ in range(2):
        with pytest.raises(ASLParserException):
            AmazonStateLanguageParser.parse('{"StartAt": "nowhere", "States": }')


def test_concurrent_callers_with_the_same_settings_get_one_client() -> None:
    session, barrier = ClientCachingSession(), Barrier(8)

    def create_client(_: int) -> object:
        barrier.wait()
        return session.client("sqs", config=Config(retries={"max_attempts": 0}), **SETTINGS)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(map(id, pool.map(create_client, range(8))))) == 1


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
def test_different_settings_get_different_clients(other: Callable[[ClientCachingSession], object]) -> None:
    session = ClientCachingSession()
    client = session.client("sqs", config=Config(retries={"max_attempts": 0}), **SETTINGS)

    assert other(session) is not client
    assert client is session.client("sqs", config=Config(retries={"max_attempts": 0}), **SETTINGS)


def test_a_cached_client_has_its_requested_settings_and_a_large_connection_pool() -> None:
    config = ClientCachingSession().client("sqs", config=Config(read_timeout=7), **SETTINGS).meta.config

    assert (config.read_timeout, config.max_pool_connections, config.region_name) == (7, 64, "eu-central-1")
