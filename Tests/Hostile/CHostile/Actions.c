#include "Actions.h"

const struct hostile_action *hostile_actions(int topic) {
    const struct hostile_action *const topics[] = {
        hostile_files, hostile_processes, hostile_network, hostile_kernel, hostile_resources,
    };
    return topic >= 0 && (unsigned)topic < sizeof(topics) / sizeof(*topics) ? topics[topic] : 0;
}

long hostile_attempt(const struct hostile_action *action) {
    const long *with = action->arguments;
    if (action->run) return action->run();
    return syscall(action->number, with[0], with[1], with[2], with[3], with[4], with[5]);
}
