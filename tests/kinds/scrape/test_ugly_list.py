"""The 36 ugly answers of boards, by number: what each one is, and which tests hold the right behaviour.

`F` stands for the faults that `boards/test_faults.py` plays through client, job and sync, on every board by the marker
`torture`, and `D` for the same instead of a posting's details. Beside them stand the tests of what only some boards, the
client or the sync have to do about it.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
F = "boards/test_faults.py::test_no_ugly_answer_closes_a_posting"
D = "boards/test_faults.py::test_no_ugly_detail_changes_a_posting"
UGLY = "boards/test_ugly_answers.py"
SYNC = "test_sync.py"
REDIRECTS = "http/test_redirects.py"
RETRIES = "http/test_retries.py"
DEADLINES = "http/test_deadlines.py"
OWN = "boards/test_own_pages.py"

ANSWERS: dict[int, tuple[str, tuple[str, ...]]] = {
    1: ("an empty list where postings were open", (F,
        f"{SYNC}::test_an_empty_answer_closes_nothing_until_a_second_run_says_so_too",
        f"{SYNC}::test_empty_answers_that_come_too_close_together_count_as_one")),
    2: ("a list that is cut, with the total of the whole one", (F, f"{SYNC}::test_a_partial_fetch_closes_nothing",
        f"{UGLY}::test_a_total_that_is_not_reached_makes_the_fetch_incomplete")),
    3: ("a login page", (F, D, f"{RETRIES}::test_a_bad_body_is_asked_for_once_more_only")),
    4: ("an error with status 200", (F,
        "boards/test_contract.py::test_an_answer_of_another_shape_is_a_failed_fetch_and_no_empty_board")),
    5: ("null, or something else than a list", (F,
        f"{SYNC}::test_an_answer_of_another_shape_is_a_failed_fetch_and_closes_nothing",
        f"{UGLY}::test_a_row_that_is_no_object_is_a_bad_row")),
    6: ("Retry-After in seconds", (f"{RETRIES}::test_retry_after_is_waited_for",)),
    7: ("Retry-After as a date", (f"{RETRIES}::test_a_retry_after_that_is_a_date_is_waited_for",)),
    8: ("Retry-After of a day, junk, negative, past", (F,
        f"{RETRIES}::test_a_retry_after_beyond_the_deadline_fails_at_once_and_says_so",
        f"{RETRIES}::test_a_retry_after_is_seconds_a_date_or_nothing")),
    9: ("twice 503, then an answer", (f"{RETRIES}::test_statuses_that_may_pass_are_tried_again",
        f"{RETRIES}::test_nearly_everything_comes_through_a_network_that_loses_a_fifth")),
    10: ("500 forever", (F, D, f"{RETRIES}::test_the_last_error_says_kind_status_tries_and_time",
         "test_job.py::test_one_company_that_fails_leaves_the_others_alone")),
    11: ("404 for a board that was there", (F, f"{SYNC}::test_a_board_that_is_gone_keeps_its_postings_until_a_person_accepts")),
    12: ("a redirect to the vendor", (F, f"{REDIRECTS}::test_redirects_stay_on_the_host")),
    13: ("a redirect to a private address or another scheme", (F,
        f"{REDIRECTS}::test_redirects_to_what_is_no_web_address_are_refused",
         f"{REDIRECTS}::test_a_redirect_to_a_private_address_is_not_followed")),
    14: ("redirects without end", (F, f"{REDIRECTS}::test_redirects_that_go_round_and_round_end",
         f"{DEADLINES}::test_slow_redirects_share_the_time_of_one_request")),
    15: ("a name with a private address", (f"{REDIRECTS}::test_a_name_that_resolves_to_a_private_address_is_blocked",
         f"{REDIRECTS}::test_a_name_that_changes_its_address_is_checked_each_time",
         "test_addresses.py::test_this_address_is_not_public")),
    16: ("a drip", (F, f"{DEADLINES}::test_a_request_ends_at_its_deadline_whatever_the_server_does")),
    17: ("silence", (F, f"{DEADLINES}::test_a_request_ends_at_its_deadline_whatever_the_server_does")),
    18: ("a reset, or a body that is too short", (F, f"{RETRIES}::test_half_an_answer_is_no_answer",
         f"{RETRIES}::test_broken_answers_are_tried_again_until_one_is_whole")),
    19: ("a bomb, an endless body", (F, f"{DEADLINES}::test_a_gzip_bomb_is_stopped_at_the_cap_and_costs_no_memory",
         f"{DEADLINES}::test_a_body_beyond_the_cap_is_left")),
    20: ("an encoding that doesn't fit", (F, "http/test_answers.py::test_bodies_in_an_encoding_that_does_not_fit_are_bad")),
    21: ("another charset, a BOM, no UTF-8", (F,
        "test_decode.py::test_the_charset_is_honoured", "test_decode.py::test_this_is_no_json")),
    22: ("NaN, huge numbers, deep nesting, a key twice", (F, "test_decode.py::test_this_is_no_json")),
    23: ("pages that repeat or wrap around", (f"{UGLY}::test_a_server_that_ignores_the_offset_is_noticed",
         f"{UGLY}::test_a_capped_workday_that_starts_over_is_incomplete",
         "boards/test_boards.py::test_workable_pages_that_repeat_end_the_list")),
    24: ("a total that moves", (f"{UGLY}::test_a_total_that_moves_by_one_per_cent_is_tolerated",
         f"{UGLY}::test_every_page_is_read_and_nothing_behind_the_last")),
    25: ("a page in the middle that fails for good", (f"{UGLY}::test_a_page_that_fails_for_good_leaves_the_others",
         f"{UGLY}::test_a_page_of_another_shape_in_the_middle_leaves_the_others",
         "boards/test_boards.py::test_a_page_of_workable_that_does_not_come_leaves_the_others")),
    26: ("an identifier twice", (f"{UGLY}::test_a_repeated_row_is_one_posting_and_the_first_title_stays",
         "boards/test_contract.py::test_no_row_is_lost")),
    27: ("a row without identifier or title, with a bad URL", (f"{UGLY}::test_no_value_of_a_row_can_do_harm",
         f"{UGLY}::test_an_identifier_is_the_same_as_number_and_as_text",
         "boards/test_contract.py::test_a_bad_row_is_counted_and_the_fetch_is_not_all_there_is",
         "test_posting.py::test_urls_are_absolute_and_https_for_public_names")),
    28: ("a posting that comes back", (f"{SYNC}::test_a_posting_that_returns_is_reopened_once",)),
    29: ("odd dates", ("test_posting.py::test_a_date_is_utc_or_unknown", "test_posting.py::test_no_date_crashes")),
    30: ("odd pay", ("test_posting.py::test_pay_is_a_range_with_a_currency_or_unknown",)),
    31: ("odd texts", ("test_posting.py::test_html_is_sanitised_and_its_text_has_a_line_for_each_block",
         "test_posting.py::test_a_literal_tag_in_a_text_stays_text",
         "test_posting.py::test_five_megabytes_of_blanks_are_no_description",
         f"{SYNC}::test_what_a_database_refuses_is_removed_from_texts")),
    32: ("XML that expands, CDATA, undeclared prefixes", (F, "test_decode.py::test_this_xml_is_refused",
         "test_decode.py::test_cdata_and_undeclared_prefixes_are_read")),
    33: ("JSON-LD in every wrapping", (f"{OWN}::test_a_job_posting_is_found_whatever_surrounds_it",
         f"{OWN}::test_a_script_that_cannot_be_read_is_left_out",
         f"{OWN}::test_several_postings_without_a_name_on_one_page_are_bad_rows")),
    34: ("304 though nobody asked", (F, "test_job.py::test_a_304_that_nobody_asked_for_is_no_answer",
         "test_job.py::test_other_filters_make_the_next_request_unconditional")),
    35: ("an end in the middle, a full disk, two runs", (
         "test_torture.py::test_killed_and_resumed_runs_leave_the_tables_of_one_that_nobody_disturbed",
         "test_job.py::test_a_resumed_run_skips_the_companies_it_has",
         f"{SYNC}::test_two_runs_at_once_on_one_database_write_each_posting_once")),
    36: ("another company's postings", (f"{SYNC}::test_a_board_that_is_another_companys_now_changes_nothing_until_accepted",
         "boards/test_contract.py::test_a_board_that_names_its_company_says_so_on_every_posting")),
}  # fmt: skip

ENDS = "test_a_request_ends_at_its_deadline_whatever_the_server_does"
LATE: dict[str, tuple[str, ...]] = {
    "a dripping body": (f"{DEADLINES}::{ENDS}",),
    "a dripping header": (f"{DEADLINES}::{ENDS}",),
    "silence": (f"{DEADLINES}::{ENDS}", f"{DEADLINES}::test_a_tls_handshake_that_never_ends_is_left_at_the_deadline"),
    "a black hole": (f"{DEADLINES}::test_a_full_queue_of_connections_is_left_at_the_deadline",),
    "slow DNS": (f"{DEADLINES}::test_a_resolver_that_never_answers_is_left_at_the_deadline",),
    "an endless body": (f"{DEADLINES}::{ENDS}", f"{DEADLINES}::test_a_body_beyond_the_cap_is_left"),
    "a gzip bomb": (f"{DEADLINES}::test_a_gzip_bomb_is_stopped_at_the_cap_and_costs_no_memory",),
    "a redirect loop": (
        f"{DEADLINES}::test_slow_redirects_share_the_time_of_one_request",
        f"{REDIRECTS}::test_redirects_that_go_round_and_round_end",
    ),
}
"""What a deadline has to hold against, with an overshoot of a tenth of a second and memory of the cap and 20 MB."""


@cache
def functions_in(file: str) -> frozenset[str]:
    tree = ast.parse((HERE / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_the_list_has_all_its_numbers() -> None:
    assert list(ANSWERS) == list(range(1, 37))


@pytest.mark.parametrize("number", ANSWERS)
def test_an_ugly_answer_of_the_list_has_tests_that_exist(number: int) -> None:
    what, held_by = ANSWERS[number]
    assert held_by, what
    assert_exist(held_by)


@pytest.mark.parametrize("what", LATE)
def test_a_lateness_of_the_list_has_tests_that_exist(what: str) -> None:
    assert LATE[what]
    assert_exist(LATE[what])


def assert_exist(tests: tuple[str, ...]) -> None:
    for test in tests:
        file, _, name = test.partition("::")
        assert name in functions_in(file), test
