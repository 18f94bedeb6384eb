/* A wall clock with an error read from a file: loaded before the C library (LD_PRELOAD), so that everything in a
   process gets the wrong time. The file named by CHAOS_CLOCK holds the error in ns, and may change at any moment. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t SECOND = 1000000000;
static volatile const int64_t *error_ns;

__attribute__((constructor)) static void open_clock(void) {
    const char *path = getenv("CHAOS_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *page = mmap(NULL, sizeof *error_ns, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED)
        error_ns = page;
    close(file);
}

int clock_gettime(clockid_t which, struct timespec *now) {
    long failed = syscall(SYS_clock_gettime, which, now);
    if (failed || !error_ns || (which != CLOCK_REALTIME && which != CLOCK_REALTIME_COARSE))
        return (int)failed;
    int64_t shown = now->tv_sec * SECOND + now->tv_nsec + *error_ns;
    now->tv_sec = shown / SECOND;
    now->tv_nsec = shown % SECOND;
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec shown;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &shown);
    now->tv_sec = shown.tv_sec;
    now->tv_usec = shown.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *kept) {
    struct timespec shown;
    clock_gettime(CLOCK_REALTIME, &shown);
    if (kept)
        *kept = shown.tv_sec;
    return shown.tv_sec;
}
