/// The steps of a delivery of the download stage; see `TransitionTable`.
let downloadTransitions = """
    any: finished, unannounced, unannouncedByOther, abandonedEnd
        finished, ack, +duplicate
    any: stale
        stale, ack, +duplicate
    any: held
        held, →download.retry.5000ms 5 watch, ack
    any: wished
        enter, book manifest, →cleanup 6 cancelled, book cleanup 6, release, ack
    any: otherContent
        other, →dead 5, ack, +rejected
    any: failing enter
        !enter, back
    done: fresh
        enter, update downloading_video, work, book download_complete, update download_complete, →process 6,
        book process 6, release, ack, +completed
    done: watched
        enter, update downloading_video, work, →download.retry.5000ms 5 watch, ack, book download_complete,
        update download_complete, →process 6, book process 6, release, +completed
    done: lostBeforeConfirm
        enter, update downloading_video, work, book download_complete, update download_complete, lost,
        →process 6, book process 6, release, +completed
    done: lostWithConfirm
        enter, update downloading_video, work, book download_complete, update download_complete, →process 6,
        lost, →process 6, book process 6, release, +completed
    done: lostBeforeAck
        enter, update downloading_video, work, book download_complete, update download_complete, →process 6,
        book process 6, release, lost, +completed
    done: refused
        enter, update downloading_video, work, book download_complete, update download_complete,
        refused →process 6, →process 6, book process 6, release, ack, +completed
    done: unroutable
        enter, update downloading_video, work, book download_complete, update download_complete,
        unroutable →process 6, declare process, →process 6, book process 6, release, ack, +completed
    done: failing handedOver
        enter, update downloading_video, work, book download_complete, update download_complete, →process 6,
        !handedOver, book retry a1, →download.retry.800ms 5 a1, release, ack, +retried
    done: failing recordCompletion
        enter, update downloading_video, work, !recordCompletion, book manifest, →process 6, book process 6,
        release, ack, +completed
    transient: fresh
        enter, update downloading_video, work, book retry a1, →download.retry.800ms 5 a1, release, ack,
        +retried
    transient: watched
        enter, update downloading_video, work, →download.retry.5000ms 5 watch, ack, book retry a1,
        →download.retry.800ms 6 a1, book download 6, release, +retried
    transient: lostBeforeConfirm
        enter, update downloading_video, work, book retry a1, lost, →download.retry.800ms 5 a1, release,
        +retried
    transient: lostWithConfirm
        enter, update downloading_video, work, book retry a1, →download.retry.800ms 5 a1, lost,
        →download.retry.800ms 5 a1, release, +retried
    transient: lostBeforeAck
        enter, update downloading_video, work, book retry a1, →download.retry.800ms 5 a1, release, lost,
        +retried
    transient: refused
        enter, update downloading_video, work, book retry a1, refused →download.retry.800ms 5 a1,
        →download.retry.800ms 5 a1, release, ack, +retried
    transient: unroutable
        enter, update downloading_video, work, book retry a1, unroutable →download.retry.800ms 5 a1,
        declare download.retry.800ms, →download.retry.800ms 5 a1, release, ack, +retried
    transient: failing willRetry
        enter, update downloading_video, work, !willRetry, book back, release, back
    exhausted, permanent, sourceGone: fresh
        enter, update downloading_video, work, book manifest, →cleanup 6 failed, book cleanup 6, release, ack,
        +failed
    exhausted: held
        held, →download.retry.5000ms 5 a4 watch, ack
    exhausted: otherContent
        other, →dead 5 a4, ack, +rejected
    exhausted: watched
        enter, update downloading_video, work, →download.retry.5000ms 5 a4 watch, ack, book manifest,
        →cleanup 6 failed, book cleanup 6, release, +failed
    exhausted, permanent, sourceGone: lostBeforeConfirm
        enter, update downloading_video, work, book manifest, lost, →cleanup 6 failed, book cleanup 6, release,
        +failed
    exhausted, permanent, sourceGone: lostWithConfirm
        enter, update downloading_video, work, book manifest, →cleanup 6 failed, lost, →cleanup 6 failed,
        book cleanup 6, release, +failed
    exhausted, permanent, sourceGone: lostBeforeAck
        enter, update downloading_video, work, book manifest, →cleanup 6 failed, book cleanup 6, release, lost,
        +failed
    exhausted, permanent, sourceGone: refused
        enter, update downloading_video, work, book manifest, refused →cleanup 6 failed, →cleanup 6 failed,
        book cleanup 6, release, ack, +failed
    exhausted, permanent, sourceGone: unroutable
        enter, update downloading_video, work, book manifest, unroutable →cleanup 6 failed, declare cleanup,
        →cleanup 6 failed, book cleanup 6, release, ack, +failed
    exhausted, permanent, sourceGone: failing handedOver
        enter, update downloading_video, work, book manifest, →cleanup 6 failed, !handedOver, book back,
        release, back, +failed
    exhausted, permanent, sourceGone: failing jobTempFiles
        enter, update downloading_video, work, !jobTempFiles, book back, release, back, +failed
    permanent, sourceGone: watched
        enter, update downloading_video, work, →download.retry.5000ms 5 watch, ack, book manifest,
        →cleanup 6 failed, book cleanup 6, release, +failed
    noRoom: fresh
        enter, update downloading_video, work, book waiting_for_space, update waiting_for_space, book retry a0,
        →download.retry.5000ms 5, release, ack
    noRoom: watched
        enter, update downloading_video, work, →download.retry.5000ms 5 watch, ack, book waiting_for_space,
        update waiting_for_space, book retry a0, →download.retry.5000ms 6, book download 6, release
    noRoom: lostBeforeConfirm
        enter, update downloading_video, work, book waiting_for_space, update waiting_for_space, book retry a0,
        lost, →download.retry.5000ms 5, release
    noRoom: lostWithConfirm
        enter, update downloading_video, work, book waiting_for_space, update waiting_for_space, book retry a0,
        →download.retry.5000ms 5, lost, →download.retry.5000ms 5, release
    noRoom: lostBeforeAck
        enter, update downloading_video, work, book waiting_for_space, update waiting_for_space, book retry a0,
        →download.retry.5000ms 5, release, lost
    noRoom: refused
        enter, update downloading_video, work, book waiting_for_space, update waiting_for_space, book retry a0,
        refused →download.retry.5000ms 5, →download.retry.5000ms 5, release, ack
    noRoom: unroutable
        enter, update downloading_video, work, book waiting_for_space, update waiting_for_space, book retry a0,
        unroutable →download.retry.5000ms 5, declare download.retry.5000ms, →download.retry.5000ms 5, release,
        ack
    noRoom: failing willRetry
        enter, update downloading_video, work, book waiting_for_space, update waiting_for_space, !willRetry,
        book back, release, back
    noRoom: failing recordNews
        enter, update downloading_video, work, !recordNews, book retry a0, →download.retry.5000ms 5, release,
        ack
    cancelled: fresh
        enter, update downloading_video, work, book manifest, →cleanup 6 cancelled, book cleanup 6, release,
        ack
    cancelled: watched
        enter, update downloading_video, work, →download.retry.5000ms 5 watch, ack, book manifest,
        →cleanup 6 cancelled, book cleanup 6, release
    cancelled: lostBeforeConfirm
        enter, update downloading_video, work, book manifest, lost, →cleanup 6 cancelled, book cleanup 6,
        release
    cancelled: lostWithConfirm
        enter, update downloading_video, work, book manifest, →cleanup 6 cancelled, lost, →cleanup 6 cancelled,
        book cleanup 6, release
    cancelled: lostBeforeAck
        enter, update downloading_video, work, book manifest, →cleanup 6 cancelled, book cleanup 6, release,
        lost
    cancelled: refused
        enter, update downloading_video, work, book manifest, refused →cleanup 6 cancelled,
        →cleanup 6 cancelled, book cleanup 6, release, ack
    cancelled: unroutable
        enter, update downloading_video, work, book manifest, unroutable →cleanup 6 cancelled, declare cleanup,
        →cleanup 6 cancelled, book cleanup 6, release, ack
    cancelled, cancelledLeftBehind: failing isCancelRequested
        enter, update downloading_video, work, !isCancelRequested ×119, →download.retry.5000ms 5 watch, ack,
        !isCancelRequested ×7080, book download_complete, update download_complete, →process 6, book process 6,
        release, +completed
    cancelled: failing handedOver
        enter, update downloading_video, work, book manifest, →cleanup 6 cancelled, !handedOver, book back,
        release, back
    cancelled: failing jobTempFiles
        enter, update downloading_video, work, !jobTempFiles, book back, release, back
    drained: fresh
        enter, update downloading_video, work, book back, release, back
    drained: watched
        enter, update downloading_video, work, →download.retry.5000ms 5 watch, ack, book back, release
    drained: failing isCancelRequested
        enter, update downloading_video, work, !isCancelRequested, book back, release, back
    drained: failing handBack
        enter, update downloading_video, work, !handBack, release, back
    diedTooOften: fresh
        enter, book manifest, →cleanup 6 failed, book cleanup 6, release, ack, +failed
    diedTooOften: lostBeforeConfirm
        enter, book manifest, lost, →cleanup 6 failed, book cleanup 6, release, +failed
    diedTooOften: lostWithConfirm
        enter, book manifest, →cleanup 6 failed, lost, →cleanup 6 failed, book cleanup 6, release, +failed
    diedTooOften: lostBeforeAck
        enter, book manifest, →cleanup 6 failed, book cleanup 6, release, lost, +failed
    diedTooOften: refused
        enter, book manifest, refused →cleanup 6 failed, →cleanup 6 failed, book cleanup 6, release, ack,
        +failed
    diedTooOften: unroutable
        enter, book manifest, unroutable →cleanup 6 failed, declare cleanup, →cleanup 6 failed, book cleanup 6,
        release, ack, +failed
    diedTooOften: failing handedOver
        enter, book manifest, →cleanup 6 failed, !handedOver, book back, release, back, +failed
    diedTooOften: failing jobTempFiles
        enter, !jobTempFiles, book back, release, back, +failed
    cancelledLeftBehind: fresh
        enter, update downloading_video, work, book manifest, →cleanup 6 cancelled, book cleanup 6, ack,
        exit 75
    cancelledLeftBehind: watched
        enter, update downloading_video, work, →download.retry.5000ms 5 watch, ack, book manifest,
        →cleanup 6 cancelled, book cleanup 6, exit 75
    cancelledLeftBehind: lostBeforeConfirm
        enter, update downloading_video, work, book manifest, lost, →cleanup 6 cancelled, book cleanup 6,
        exit 75
    cancelledLeftBehind: lostWithConfirm
        enter, update downloading_video, work, book manifest, →cleanup 6 cancelled, lost, →cleanup 6 cancelled,
        book cleanup 6, exit 75
    cancelledLeftBehind: lostBeforeAck
        enter, update downloading_video, work, book manifest, →cleanup 6 cancelled, book cleanup 6, lost,
        exit 75
    cancelledLeftBehind: refused
        enter, update downloading_video, work, book manifest, refused →cleanup 6 cancelled,
        →cleanup 6 cancelled, book cleanup 6, ack, exit 75
    cancelledLeftBehind: unroutable
        enter, update downloading_video, work, book manifest, unroutable →cleanup 6 cancelled, declare cleanup,
        →cleanup 6 cancelled, book cleanup 6, ack, exit 75
    cancelledLeftBehind: failing handedOver
        enter, update downloading_video, work, book manifest, →cleanup 6 cancelled, !handedOver, book back,
        exit 75
    cancelledLeftBehind: failing jobTempFiles
        enter, update downloading_video, work, !jobTempFiles, book back, exit 75
    drainedLeftBehind: fresh
        enter, update downloading_video, work, book back, back, exit 0
    drainedLeftBehind: watched
        enter, update downloading_video, work, →download.retry.5000ms 5 watch, ack, book back, exit 0
    drainedLeftBehind: failing isCancelRequested
        enter, update downloading_video, work, !isCancelRequested, book back, back, exit 0
    drainedLeftBehind: failing handBack
        enter, update downloading_video, work, !handBack, back, exit 0
    tooLong: fresh
        enter, update downloading_video, work, book download_complete, update download_complete, book manifest,
        →cleanup 6 failed, book cleanup 6, release, ack, +failed
    """
