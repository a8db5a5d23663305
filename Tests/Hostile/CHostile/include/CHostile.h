// Things that a decoder in the hands of somebody else might try. Relative names are those of a directory that the
// process was started in; see hostile-child.
#ifndef MEDIA_PROCESSOR_CHOSTILE_H
#define MEDIA_PROCESSOR_CHOSTILE_H

struct hostile_action {
    // NULL after the last.
    const char *name;
    // Either a system call with its arguments…
    long number;
    long arguments[6];
    // …or a function. Both answer -1 with errno when they were refused.
    long (*run)(void);
    // Works in a process of root that is in no sandbox, and harms nobody there.
    int works_outside;
};

// By topic: 0 and up; NULL after the last.
const struct hostile_action *hostile_actions(int topic);

// -1 with errno when it was refused.
long hostile_attempt(const struct hostile_action *action);

#endif
