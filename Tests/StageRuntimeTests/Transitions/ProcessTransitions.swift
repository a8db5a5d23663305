/// The steps of a delivery of the process stage; see `TransitionTable`.
let processTransitions = """
    any: finished, unannounced, unannouncedByOther, abandonedEnd
        finished, ack, +duplicate
    any: stale
        stale, ack, +duplicate
    any: held
        held, →process.retry.5000ms 5 watch, ack
    any: wished
        enter, book manifest, →cleanup 6 cancelled, book cleanup 6, release, ack
    any: otherContent
        other, →dead 5, ack, +rejected
    any: failing enter
        !enter, back
    done: fresh
        enter, update processing_video, work, book processing_complete, update processing_complete, →upload 6,
        book upload 6, release, ack, +completed
    done: watched
        enter, update processing_video, work, →process.retry.5000ms 5 watch, ack, book processing_complete,
        update processing_complete, →upload 6, book upload 6, release, +completed
    done: lostBeforeConfirm
        enter, update processing_video, work, book processing_complete, update processing_complete, lost,
        →upload 6, book upload 6, release, +completed
    done: lostWithConfirm
        enter, update processing_video, work, book processing_complete, update processing_complete, →upload 6,
        lost, →upload 6, book upload 6, release, +completed
    done: lostBeforeAck
        enter, update processing_video, work, book processing_complete, update processing_complete, →upload 6,
        book upload 6, release, lost, +completed
    done: refused
        enter, update processing_video, work, book processing_complete, update processing_complete,
        refused →upload 6, →upload 6, book upload 6, release, ack, +completed
    done: unroutable
        enter, update processing_video, work, book processing_complete, update processing_complete,
        unroutable →upload 6, declare upload, →upload 6, book upload 6, release, ack, +completed
    done: failing handedOver
        enter, update processing_video, work, book processing_complete, update processing_complete, →upload 6,
        !handedOver, book retry a1, →process.retry.800ms 5 a1, release, ack, +retried
    done: failing recordCompletion
        enter, update processing_video, work, !recordCompletion, book manifest, →upload 6, book upload 6,
        release, ack, +completed
    transient: fresh
        enter, update processing_video, work, book retry a1, →process.retry.800ms 5 a1, release, ack, +retried
    transient: watched
        enter, update processing_video, work, →process.retry.5000ms 5 watch, ack, book retry a1,
        →process.retry.800ms 6 a1, book process 6, release, +retried
    transient: lostBeforeConfirm
        enter, update processing_video, work, book retry a1, lost, →process.retry.800ms 5 a1, release, +retried
    transient: lostWithConfirm
        enter, update processing_video, work, book retry a1, →process.retry.800ms 5 a1, lost,
        →process.retry.800ms 5 a1, release, +retried
    transient: lostBeforeAck
        enter, update processing_video, work, book retry a1, →process.retry.800ms 5 a1, release, lost, +retried
    transient: refused
        enter, update processing_video, work, book retry a1, refused →process.retry.800ms 5 a1,
        →process.retry.800ms 5 a1, release, ack, +retried
    transient: unroutable
        enter, update processing_video, work, book retry a1, unroutable →process.retry.800ms 5 a1,
        declare process.retry.800ms, →process.retry.800ms 5 a1, release, ack, +retried
    transient: failing willRetry
        enter, update processing_video, work, !willRetry, book back, release, back
    exhausted, permanent: fresh
        enter, update processing_video, work, book manifest, →cleanup 6 failed, book cleanup 6, release, ack,
        +failed
    exhausted: held
        held, →process.retry.5000ms 5 a4 watch, ack
    exhausted: otherContent
        other, →dead 5 a4, ack, +rejected
    exhausted: watched
        enter, update processing_video, work, →process.retry.5000ms 5 a4 watch, ack, book manifest,
        →cleanup 6 failed, book cleanup 6, release, +failed
    exhausted, permanent: lostBeforeConfirm
        enter, update processing_video, work, book manifest, lost, →cleanup 6 failed, book cleanup 6, release,
        +failed
    exhausted, permanent: lostWithConfirm
        enter, update processing_video, work, book manifest, →cleanup 6 failed, lost, →cleanup 6 failed,
        book cleanup 6, release, +failed
    exhausted, permanent: lostBeforeAck
        enter, update processing_video, work, book manifest, →cleanup 6 failed, book cleanup 6, release, lost,
        +failed
    exhausted, permanent: refused
        enter, update processing_video, work, book manifest, refused →cleanup 6 failed, →cleanup 6 failed,
        book cleanup 6, release, ack, +failed
    exhausted, permanent: unroutable
        enter, update processing_video, work, book manifest, unroutable →cleanup 6 failed, declare cleanup,
        →cleanup 6 failed, book cleanup 6, release, ack, +failed
    exhausted, permanent: failing handedOver
        enter, update processing_video, work, book manifest, →cleanup 6 failed, !handedOver, book back,
        release, back, +failed
    exhausted, permanent: failing jobTempFiles
        enter, update processing_video, work, !jobTempFiles, book back, release, back, +failed
    permanent: watched
        enter, update processing_video, work, →process.retry.5000ms 5 watch, ack, book manifest,
        →cleanup 6 failed, book cleanup 6, release, +failed
    sourceGone: fresh
        enter, update processing_video, work, book manifest, →download 6, book download 6, release, ack
    sourceGone: watched
        enter, update processing_video, work, →process.retry.5000ms 5 watch, ack, book manifest, →download 6,
        book download 6, release
    sourceGone: lostBeforeConfirm
        enter, update processing_video, work, book manifest, lost, →download 6, book download 6, release
    sourceGone: lostWithConfirm
        enter, update processing_video, work, book manifest, →download 6, lost, →download 6, book download 6,
        release
    sourceGone: lostBeforeAck
        enter, update processing_video, work, book manifest, →download 6, book download 6, release, lost
    sourceGone: refused
        enter, update processing_video, work, book manifest, refused →download 6, →download 6, book download 6,
        release, ack
    sourceGone: unroutable
        enter, update processing_video, work, book manifest, unroutable →download 6, declare download,
        →download 6, book download 6, release, ack
    sourceGone: failing handedOver
        enter, update processing_video, work, book manifest, →download 6, !handedOver, book back, release, back
    sourceGone, cancelled: failing jobTempFiles
        enter, update processing_video, work, !jobTempFiles, book back, release, back
    noRoom: fresh
        enter, update processing_video, work, book waiting_for_space, update waiting_for_space, book retry a0,
        →process.retry.5000ms 5, release, ack
    noRoom: watched
        enter, update processing_video, work, →process.retry.5000ms 5 watch, ack, book waiting_for_space,
        update waiting_for_space, book retry a0, →process.retry.5000ms 6, book process 6, release
    noRoom: lostBeforeConfirm
        enter, update processing_video, work, book waiting_for_space, update waiting_for_space, book retry a0,
        lost, →process.retry.5000ms 5, release
    noRoom: lostWithConfirm
        enter, update processing_video, work, book waiting_for_space, update waiting_for_space, book retry a0,
        →process.retry.5000ms 5, lost, →process.retry.5000ms 5, release
    noRoom: lostBeforeAck
        enter, update processing_video, work, book waiting_for_space, update waiting_for_space, book retry a0,
        →process.retry.5000ms 5, release, lost
    noRoom: refused
        enter, update processing_video, work, book waiting_for_space, update waiting_for_space, book retry a0,
        refused →process.retry.5000ms 5, →process.retry.5000ms 5, release, ack
    noRoom: unroutable
        enter, update processing_video, work, book waiting_for_space, update waiting_for_space, book retry a0,
        unroutable →process.retry.5000ms 5, declare process.retry.5000ms, →process.retry.5000ms 5, release, ack
    noRoom: failing willRetry
        enter, update processing_video, work, book waiting_for_space, update waiting_for_space, !willRetry,
        book back, release, back
    noRoom: failing recordNews
        enter, update processing_video, work, !recordNews, book retry a0, →process.retry.5000ms 5, release, ack
    cancelled: fresh
        enter, update processing_video, work, book manifest, →cleanup 6 cancelled, book cleanup 6, release, ack
    cancelled: watched
        enter, update processing_video, work, →process.retry.5000ms 5 watch, ack, book manifest,
        →cleanup 6 cancelled, book cleanup 6, release
    cancelled: lostBeforeConfirm
        enter, update processing_video, work, book manifest, lost, →cleanup 6 cancelled, book cleanup 6,
        release
    cancelled: lostWithConfirm
        enter, update processing_video, work, book manifest, →cleanup 6 cancelled, lost, →cleanup 6 cancelled,
        book cleanup 6, release
    cancelled: lostBeforeAck
        enter, update processing_video, work, book manifest, →cleanup 6 cancelled, book cleanup 6, release,
        lost
    cancelled: refused
        enter, update processing_video, work, book manifest, refused →cleanup 6 cancelled,
        →cleanup 6 cancelled, book cleanup 6, release, ack
    cancelled: unroutable
        enter, update processing_video, work, book manifest, unroutable →cleanup 6 cancelled, declare cleanup,
        →cleanup 6 cancelled, book cleanup 6, release, ack
    cancelled, cancelledLeftBehind: failing isCancelRequested
        enter, update processing_video, work, !isCancelRequested ×119, →process.retry.5000ms 5 watch, ack,
        !isCancelRequested ×7080, book processing_complete, update processing_complete, →upload 6,
        book upload 6, release, +completed
    cancelled: failing handedOver
        enter, update processing_video, work, book manifest, →cleanup 6 cancelled, !handedOver, book back,
        release, back
    drained: fresh
        enter, update processing_video, work, book back, release, back
    drained, drainedLeftBehind: held
        back
    drained: watched
        enter, update processing_video, work, →process.retry.5000ms 5 watch, ack, book back, release
    drained: failing isCancelRequested
        enter, update processing_video, work, !isCancelRequested, book back, release, back
    drained: failing handBack
        enter, update processing_video, work, !handBack, release, back
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
        enter, update processing_video, work, book manifest, →cleanup 6 cancelled, book cleanup 6, ack, exit 75
    cancelledLeftBehind: watched
        enter, update processing_video, work, →process.retry.5000ms 5 watch, ack, book manifest,
        →cleanup 6 cancelled, book cleanup 6, exit 75
    cancelledLeftBehind: lostBeforeConfirm
        enter, update processing_video, work, book manifest, lost, →cleanup 6 cancelled, book cleanup 6,
        exit 75
    cancelledLeftBehind: lostWithConfirm
        enter, update processing_video, work, book manifest, →cleanup 6 cancelled, lost, →cleanup 6 cancelled,
        book cleanup 6, exit 75
    cancelledLeftBehind: lostBeforeAck
        enter, update processing_video, work, book manifest, →cleanup 6 cancelled, book cleanup 6, lost,
        exit 75
    cancelledLeftBehind: refused
        enter, update processing_video, work, book manifest, refused →cleanup 6 cancelled,
        →cleanup 6 cancelled, book cleanup 6, ack, exit 75
    cancelledLeftBehind: unroutable
        enter, update processing_video, work, book manifest, unroutable →cleanup 6 cancelled, declare cleanup,
        →cleanup 6 cancelled, book cleanup 6, ack, exit 75
    cancelledLeftBehind: failing handedOver
        enter, update processing_video, work, book manifest, →cleanup 6 cancelled, !handedOver, book back,
        exit 75
    cancelledLeftBehind: failing jobTempFiles
        enter, update processing_video, work, !jobTempFiles, book back, exit 75
    drainedLeftBehind: fresh
        enter, update processing_video, work, book back, back, exit 0
    drainedLeftBehind: watched
        enter, update processing_video, work, →process.retry.5000ms 5 watch, ack, book back, exit 0
    drainedLeftBehind: failing isCancelRequested
        enter, update processing_video, work, !isCancelRequested, book back, back, exit 0
    drainedLeftBehind: failing handBack
        enter, update processing_video, work, !handBack, back, exit 0
    tooLong: fresh
        enter, update processing_video, work, book processing_complete, update processing_complete,
        book manifest, →cleanup 6 failed, book cleanup 6, release, ack, +failed
    """
