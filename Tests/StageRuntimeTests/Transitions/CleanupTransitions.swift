/// The steps of a delivery of the clean-up stage; see `TransitionTable`.
let cleanupTransitions = """
    any: finished
        finished, ack, +duplicate
    any: unannounced
        finished, commit(update cleanup_complete ack), book announced, +ended completed
    any: unannouncedByOther
        finished, →cleanup.retry.5000ms 5 completed watch, ack
    any: abandonedEnd
        finished, book end taken over, commit(update cleanup_complete ack), book announced, +ended completed
    any: stale
        stale, ack, +duplicate
    any: held
        held, back
    any: otherContent
        other, →dead 5 completed, ack, +rejected
    any: failing enter
        !enter, back
    done, cancelled, cancelledLeftBehind, tooLong: fresh
        enter, work, book end completed, commit(update cleanup_complete ack), book announced, release,
        +completed, +ended completed
    done, cancelled, cancelledLeftBehind: wished
        enter, work, book end cancelled, commit(update cleanup_complete ack), book announced, release,
        +completed, +ended cancelled
    done, cancelled, cancelledLeftBehind: lostBeforeConfirm
        enter, work, book end completed, lost, release, +completed
    done, cancelled, cancelledLeftBehind: lostWithConfirm
        enter, work, book end completed, commit(update cleanup_complete ack), lost, release, +completed
    done, cancelled, cancelledLeftBehind: refused
        enter, work, book end completed, refused commit, commit(update cleanup_complete ack), book announced,
        release, +completed, +ended completed
    done, cancelled, cancelledLeftBehind: unroutable
        enter, work, book end completed, unroutable update cleanup_complete, declare updates,
        commit(update cleanup_complete ack), book announced, release, +completed, +ended completed
    done, cancelled, cancelledLeftBehind: failing end
        enter, work, !end, book back, release, back
    done, cancelled, cancelledLeftBehind: failing noteAnnounced
        enter, work, book end completed, commit(update cleanup_complete ack), !noteAnnounced, release,
        +completed, +ended completed
    transient: fresh
        enter, work, book retry a1, →cleanup.retry.800ms 5 a1 completed, release, ack, +retried
    transient: wished
        enter, work, book retry a1, →cleanup.retry.800ms 5 a1 cancelled, release, ack, +retried
    transient: lostBeforeConfirm
        enter, work, book retry a1, lost, →cleanup.retry.800ms 5 a1 completed, release, +retried
    transient: lostWithConfirm
        enter, work, book retry a1, →cleanup.retry.800ms 5 a1 completed, lost,
        →cleanup.retry.800ms 5 a1 completed, release, +retried
    transient: lostBeforeAck
        enter, work, book retry a1, →cleanup.retry.800ms 5 a1 completed, release, lost, +retried
    transient: refused
        enter, work, book retry a1, refused →cleanup.retry.800ms 5 a1 completed,
        →cleanup.retry.800ms 5 a1 completed, release, ack, +retried
    transient: unroutable
        enter, work, book retry a1, unroutable →cleanup.retry.800ms 5 a1 completed,
        declare cleanup.retry.800ms, →cleanup.retry.800ms 5 a1 completed, release, ack, +retried
    transient: failing willRetry
        enter, work, !willRetry, book back, release, back
    exhausted, permanent, sourceGone: fresh
        enter, work, book end completed, commit(update cleanup_complete ack), book announced, release, +failed,
        +ended completed
    exhausted: unannouncedByOther
        finished, →cleanup.retry.5000ms 5 a4 completed watch, ack
    exhausted, permanent, sourceGone: wished
        enter, work, book end cancelled, commit(update cleanup_complete ack), book announced, release, +failed,
        +ended cancelled
    exhausted: otherContent
        other, →dead 5 a4 completed, ack, +rejected
    exhausted, permanent, sourceGone: lostBeforeConfirm
        enter, work, book end completed, lost, release, +failed
    exhausted, permanent, sourceGone: lostWithConfirm
        enter, work, book end completed, commit(update cleanup_complete ack), lost, release, +failed
    exhausted, permanent, sourceGone: refused
        enter, work, book end completed, refused commit, commit(update cleanup_complete ack), book announced,
        release, +failed, +ended completed
    exhausted, permanent, sourceGone: unroutable
        enter, work, book end completed, unroutable update cleanup_complete, declare updates,
        commit(update cleanup_complete ack), book announced, release, +failed, +ended completed
    exhausted, permanent, sourceGone: failing end
        enter, work, !end, book back, release, back, +failed
    exhausted, permanent, sourceGone: failing noteAnnounced
        enter, work, book end completed, commit(update cleanup_complete ack), !noteAnnounced, release, +failed,
        +ended completed
    noRoom: fresh
        enter, work, book waiting_for_space, update waiting_for_space, book retry a0,
        →cleanup.retry.5000ms 5 completed, release, ack
    noRoom: wished
        enter, work, book waiting_for_space, update waiting_for_space, book retry a0,
        →cleanup.retry.5000ms 5 cancelled, release, ack
    noRoom: lostBeforeConfirm
        enter, work, book waiting_for_space, update waiting_for_space, book retry a0, lost,
        →cleanup.retry.5000ms 5 completed, release
    noRoom: lostWithConfirm
        enter, work, book waiting_for_space, update waiting_for_space, book retry a0,
        →cleanup.retry.5000ms 5 completed, lost, →cleanup.retry.5000ms 5 completed, release
    noRoom: lostBeforeAck
        enter, work, book waiting_for_space, update waiting_for_space, book retry a0,
        →cleanup.retry.5000ms 5 completed, release, lost
    noRoom: refused
        enter, work, book waiting_for_space, update waiting_for_space, book retry a0,
        refused →cleanup.retry.5000ms 5 completed, →cleanup.retry.5000ms 5 completed, release, ack
    noRoom: unroutable
        enter, work, book waiting_for_space, update waiting_for_space, book retry a0,
        unroutable →cleanup.retry.5000ms 5 completed, declare cleanup.retry.5000ms,
        →cleanup.retry.5000ms 5 completed, release, ack
    noRoom: failing willRetry
        enter, work, book waiting_for_space, update waiting_for_space, !willRetry, book back, release, back
    noRoom: failing recordNews
        enter, work, !recordNews, book retry a0, →cleanup.retry.5000ms 5 completed, release, ack
    drained: fresh
        enter, work, book back, release, back
    drained, drainedLeftBehind: held
        back
    drained: failing handBack
        enter, work, !handBack, release, back
    diedTooOften: fresh
        enter, book end completed, commit(update cleanup_complete ack), book announced, release, +failed,
        +ended completed
    diedTooOften: wished
        enter, book end cancelled, commit(update cleanup_complete ack), book announced, release, +failed,
        +ended cancelled
    diedTooOften: lostBeforeConfirm
        enter, book end completed, lost, release, +failed
    diedTooOften: lostWithConfirm
        enter, book end completed, commit(update cleanup_complete ack), lost, release, +failed
    diedTooOften: refused
        enter, book end completed, refused commit, commit(update cleanup_complete ack), book announced,
        release, +failed, +ended completed
    diedTooOften: unroutable
        enter, book end completed, unroutable update cleanup_complete, declare updates,
        commit(update cleanup_complete ack), book announced, release, +failed, +ended completed
    diedTooOften: failing end
        enter, !end, book back, release, back, +failed
    diedTooOften: failing noteAnnounced
        enter, book end completed, commit(update cleanup_complete ack), !noteAnnounced, release, +failed,
        +ended completed
    drainedLeftBehind: fresh
        enter, work, book back, back, exit 0
    drainedLeftBehind: failing handBack
        enter, work, !handBack, back, exit 0
    """
