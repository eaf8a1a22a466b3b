/*
 * A bridge between a TAP device and two pipes: `tap NAME` makes the device in the network namespace it is started in, then passes
 * frames as u16 big-endian length and frame, from standard input to the device and from the device to standard output. It writes
 * one zero length first: the device is there. The device goes away with this program, which ends with its standard input.
 */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LARGEST_FRAME = 0xffff };

static unsigned char frame[2 + LARGEST_FRAME];

static int fail(const char *what)
{
	perror(what);
	return 1;
}

/* Reads exactly `length` bytes; 0 at the end of the input. */
static int read_all(int fd, unsigned char *at, size_t length)
{
	while (length > 0) {
		ssize_t n = read(fd, at, length);
		if (n <= 0)
			return 0;
		at += n;
		length -= (size_t)n;
	}
	return 1;
}

int main(int argc, char **argv)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int tap = open("/dev/net/tun", O_RDWR);

	if (argc != 2 || strlen(argv[1]) >= IFNAMSIZ)
		return fputs("usage: tap NAME\n", stderr), 2;
	if (tap < 0)
		return fail("/dev/net/tun");
	strcpy(request.ifr_name, argv[1]);
	if (ioctl(tap, TUNSETIFF, &request) < 0)
		return fail(argv[1]);
	if (write(STDOUT_FILENO, frame, 2) != 2)
		return 0;
	for (;;) {
		struct pollfd ready[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = tap, .events = POLLIN } };

		if (poll(ready, 2, -1) < 0)
			return fail("poll");
		if (ready[0].revents) {
			if (!read_all(STDIN_FILENO, frame, 2))
				return 0;
			size_t length = (size_t)frame[0] << 8 | frame[1];
			if (!read_all(STDIN_FILENO, frame, length))
				return 0;
			/* A device that is down or a frame too short for it: the frame is lost, as on any link. */
			if (write(tap, frame, length) < 0)
				continue;
		}
		if (ready[1].revents) {
			ssize_t n = read(tap, frame + 2, LARGEST_FRAME);
			if (n <= 0)
				return fail("tap");
			frame[0] = (unsigned char)(n >> 8);
			frame[1] = (unsigned char)n;
			/* The other end of standard output is a pipe that blocks: all is written, or the reader is gone. */
			if (write(STDOUT_FILENO, frame, 2 + (size_t)n) != 2 + n)
				return 0;
		}
	}
}
