"""States: a closed list, one function for transitions, and what readers derive."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.status.states import FINAL, Shown, State, advance, settle, shown

STATES = st.sampled_from(State)
LIVE = [State.QUEUED, State.RUNNING]


@given(first=STATES, wishes=st.lists(STATES, max_size=12))
def test_no_sequence_of_wishes_changes_a_final_state_or_leads_back(first: State, wishes: list[State]) -> None:
    order = {State.QUEUED: 0, State.RUNNING: 1}
    current = first
    for wish in wishes:
        try:
            new = advance(current, wish)
        except ValueError:
            assert current not in FINAL
            continue
        assert new == (current if current in FINAL else wish)
        assert order.get(new, 2) >= order.get(current, 2)
        current = new


@pytest.mark.parametrize(
    ("current", "new"), [(State.RUNNING, State.QUEUED), (State.QUEUED, State.SUCCEEDED), (State.RUNNING, State.SKIPPED)]
)
def test_what_cant_happen_is_refused(current: State, new: State) -> None:
    with pytest.raises(ValueError, match=f"{current} .* {new}"):
        advance(current, new)


def test_the_words_on_disk_are_those_of_the_contract() -> None:
    words = "queued running succeeded partial failed timed_out cancelled skipped"
    assert [state.value for state in State] == words.split()
    assert {state.value for state in Shown} >= {state.value for state in State}


@pytest.mark.parametrize("state", sorted(FINAL))
@pytest.mark.parametrize("alive", [True, False, None])
def test_a_final_state_is_shown_whatever_the_lease_says(state: State, alive: bool | None) -> None:
    assert shown(state, alive=alive, cancel_requested=True, cancel_acknowledged=True) == state.value


@pytest.mark.parametrize("state", LIVE)
def test_what_a_reader_shows_of_a_live_state_follows_from_lease_and_request(state: State) -> None:
    rows = {
        (False, True, True): Shown.INTERRUPTED,
        (False, False, False): Shown.INTERRUPTED,
        (None, False, False): Shown.UNKNOWN,
        (None, True, True): Shown.UNKNOWN,
        (True, True, True): Shown.STOPPING,
        (True, True, False): Shown.CANCEL_REQUESTED,
        (True, False, False): Shown(state),
    }
    for (alive, requested, acknowledged), expected in rows.items():
        assert shown(state, alive=alive, cancel_requested=requested, cancel_acknowledged=acknowledged) is expected


@given(st.permutations(sorted(FINAL)))
def test_a_run_has_the_gravest_state_of_its_jobs_in_whatever_order_they_stand(states: list[State]) -> None:
    gravest_first = [State.CANCELLED, State.FAILED, State.TIMED_OUT, State.PARTIAL, State.SUCCEEDED, State.SKIPPED]
    while states:
        expected = next(state for state in gravest_first if state in states)
        assert settle(states) is expected
        states = [state for state in states if state is not expected]


def test_a_run_of_final_jobs_is_final() -> None:
    for states in itertools.product(sorted(FINAL), repeat=2):
        assert settle(list(states)) in FINAL
    assert settle([]) is State.SUCCEEDED
