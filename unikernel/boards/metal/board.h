/*
 * board.h: what the parts of the metal board offer each other. The board runs the compartments net, door and vault
 * (WebAssembly, turned into C by wasm2c) on a bare x86-64 virtual machine: QEMU's microvm or any other monitor with PVH entry
 * and virtio-mmio. One processor, no threads, no allocation after boot; interrupts are off except inside `idle`.
 *
 * A compartment MUST NOT be believed: every address, length and number that it hands out is checked by `view` or by the
 * caller before it is used. Neither MUST a device: what it writes into rings is checked and a device that misbehaves ends the
 * machine. The monitor (command line, memory map, seal) is trusted: it can read and write all of this memory anyway.
 *
 * Functions that cannot go on call `fatal` (the machine ends) or `trap` (the compartment that is running ends).
 */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "wasm-rt.h"

#define NORETURN __attribute__((noreturn))
#define PAGE 4096ul
#define WASM_PAGE 65536ul
#define DOORS 64

/* --- memory.c: where everything is ------------------------------------------------------------------------------- */

/*
 * Each linear memory lies in a window of its own. An access in generated C is `base + u32 + u32 offset`, at most 8 GiB and a few
 * bytes, so 16 GiB apart none could reach another window even if its bounds check were missing.
 */
#define WINDOWS 0x10000000000ul
#define WINDOW_STRIDE (16ul << 30)
enum window { WINDOW_NET = DOORS, WINDOW_VAULT, WINDOW_STACKS, WINDOW_DMA, WINDOW_COUNT };
#define WINDOW(i) (WINDOWS + (uint64_t)(i) * WINDOW_STRIDE)

/* The seal's copy is in the vault's window but beyond what the vault's own addresses could reach. */
#define SEAL_COPY (WINDOW(WINDOW_VAULT) + (12ul << 30))
#define SEAL_MOST (24ul * 1024)

/* Stacks have nothing mapped within 256 KiB on either side, far more than the largest frame. */
#define STACK_SIZE (64ul * 1024)
#define STACK_TOP (WINDOW(WINDOW_STACKS) + 512 * 1024)
#define FAULT_STACK_SIZE (2 * PAGE)
#define FAULT_STACK_TOP (WINDOW(WINDOW_STACKS) + 1024 * 1024)

/* The devices' window: single pages, nothing mapped between them. Two frames share a page. */
#define QUEUE_LENGTH 32
enum dma { DMA_RECEIVE_RING, DMA_TRANSMIT_RING, DMA_ENTROPY_RING, DMA_ENTROPY, DMA_RECEIVE };
#define DMA_TRANSMIT (DMA_RECEIVE + QUEUE_LENGTH / 2)
#define DMA_PAGES (DMA_TRANSMIT + QUEUE_LENGTH / 2)
static inline uint8_t *dma_page(unsigned index) { return (uint8_t *)(WINDOW(WINDOW_DMA) + 2 * PAGE * index); }

#define LAPIC 0xfee00000ul
#define IOAPIC 0xfec00000ul

struct range { uint64_t from, to; };

/* Tells what memory there is and where in it the seal was loaded. Called first, on the boot page tables. */
void memory_init(const struct range *usable, unsigned count, struct range seal);
/* Builds the final page tables, moves the seal to SEAL_COPY and wipes where it was. Returns the tables' physical address. */
uint64_t memory_build(void);
/* Bytes of the seal. */
extern uint32_t seal_length;
/* The address by which a device knows ours. */
uint64_t dma_physical(const void *address);
/* Prints a line "# map FROM-TO rwx what" for each region, read from the page tables that are in use. */
void memory_print_map(void);

/* --- cpu.c, entry.S: processor, traps, the end -------------------------------------------------------------------- */

static inline void out8(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port)); }
static inline uint8_t in8(uint16_t port) { uint8_t value; __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port)); return value; }
/* Registers of devices that lie in memory. */
static inline uint8_t read8(uint64_t at) { return *(volatile uint8_t *)at; }
static inline uint32_t read32(uint64_t at) { return *(volatile uint32_t *)at; }
static inline void write32(uint64_t at, uint32_t value) { *(volatile uint32_t *)at = value; }

/* Descriptor tables, protection bits, interrupt controllers. On the final page tables. */
void cpu_init(void);
/* Lets a pin of the IOAPIC wake `idle`. */
void wake_on_pin(uint32_t pin);
bool cpu_has_rdrand(void), cpu_has_rdseed(void);

/* Prints "# text" and ends the machine. */
NORETURN void fatal(const char *text);
NORETURN void fatal_number(const char *text, uint64_t number);
NORETURN void power_off(void);

/*
 * A guard catches the trap of a compartment: `guard_set` returns 0, and a second time 1 when there is a trap before `guard_drop`.
 * Guards nest (net's around the main loop, a door's, the vault's); a trap goes to the innermost. Each has a call depth of its own.
 */
struct guard { uint64_t registers[8]; struct guard *outer; uint32_t depth; };
int guard_save(struct guard *guard) __attribute__((returns_twice));
void guard_enter(struct guard *guard);
void guard_drop(struct guard *guard);
#define guard_set(guard) (guard_enter(guard), guard_save(guard))
/* The compartment that is running has done what it must not: it ends. */
NORETURN void trap(void);

/* --- time.c ------------------------------------------------------------------------------------------------------- */

/* Begins to measure the counters; `time_init` ends that, some 10 ms later. */
void time_start(void);
void time_init(void);
uint64_t cycles(void);
uint64_t cycles_to_micros(uint64_t cycles);
/* Milliseconds since 1970 that never jump; for net and durations. */
uint64_t steady_millis(void);
/* Milliseconds since 1970, held to the second of the machine's clock; for certificates and the trace. */
uint64_t wall_millis(void);
/* Halts until an interrupt, at most until `deadline` in steady milliseconds (0: no deadline). */
void idle(uint64_t deadline);

/* --- print.c: the serial line, out only ---------------------------------------------------------------------------- */

void print(const char *text);
void print_number(uint64_t number);
void print_hex(uint64_t number, unsigned digits);
/* Bytes as the inside of a JSON string; what is not printable ASCII becomes '?'. */
void print_escaped(const uint8_t *text, uint32_t length);
/* Ends the line and sends it. What is longer than 4 KiB is cut. */
void print_line_end(void);

/* --- virtio.c, nic.c, entropy.c ------------------------------------------------------------------------------------ */

struct device { uint64_t base; uint32_t pin; };
/* Reads where devices are from the command line; `devices_map` calls `map` for each one's registers. */
void devices_read(const char *command_line);
void devices_map(void (*map)(uint64_t physical));
/* The device of a kind (1 network, 4 entropy); base 0: there is none. */
struct device device_find(uint32_t kind);
/* Resets a device and agrees on exactly these features, and version 1. */
void device_begin(struct device device, uint32_t features);
void device_ready(struct device device);
void device_reset(struct device device);
/* Takes note of its interrupt. */
void device_acknowledge(struct device device);

/* A split virtqueue of QUEUE_LENGTH buffers. Ids are ours; only what was lent comes back from `queue_take`. */
struct queue {
  uint64_t base;
  uint32_t index, lent, lengths[QUEUE_LENGTH];
  uint16_t seen;
  volatile struct { uint64_t address; uint32_t length; uint16_t flags, next; } *descriptors;
  volatile struct { uint16_t flags, index, ring[QUEUE_LENGTH]; } *offered;
  volatile struct { uint16_t flags, index; struct { uint32_t id, length; } ring[QUEUE_LENGTH]; } *used;
};
void queue_init(struct queue *queue, struct device device, uint32_t index, unsigned page);
void queue_offer(struct queue *queue, uint16_t id, const void *buffer, uint32_t length, bool device_writes);
void queue_notify(struct queue *queue);
void queue_wake(struct queue *queue, bool wake);
bool queue_pending(const struct queue *queue);
uint16_t queue_take(struct queue *queue, uint32_t *length);

#define FRAME_MOST 1514u
extern uint8_t nic_mac[6];
void nic_init(void);
/* To be called after a wake-up, before anything else. */
void nic_acknowledge(void);
/* The next frame that came, or NULL; it is the caller's until `nic_release`. */
const uint8_t *nic_receive(uint32_t *length);
void nic_release(void);
bool nic_pending(void);
/* Room for one frame, or NULL when the device has yet to take earlier ones; it wakes us when it has. */
uint8_t *nic_room(void);
/* Sends what was put there; `nic_flush` tells the device. */
void nic_send(uint32_t length);
void nic_flush(void);

/* Ends the machine when neither the processor nor a device gives randomness. */
void entropy_init(void);
void entropy_fill(uint8_t *out, uint32_t length);

/* --- compartment.c -------------------------------------------------------------------------------------------------- */

struct bytes { const uint8_t *at; uint32_t length; };
/* `[at, at + length)` of a linear memory; traps when that is not inside. */
uint8_t *view(const wasm_rt_memory_t *memory, uint32_t at, uint32_t length);
/* Zeroes a window. */
void window_wipe(enum window window, uint32_t pages);
/* Zeroes it, and the next memory that a compartment asks for is this one. */
void window_open(enum window window, uint32_t pages);

/* --- vault.c: answers have length 0 when the vault is not available; they are in its outbox until the next call ----- */

/* Unseals the vault; ends the machine when it refuses the seal. */
void vault_init(void);
uint32_t vault_scheme(uint32_t role);
struct bytes vault_certificates(uint32_t role);
struct bytes vault_authority(void);
struct bytes vault_sign(uint32_t role, struct bytes hash);
struct judgement {
  uint32_t failure;
  const uint8_t *ticket; /* TICKET_LENGTH bytes; NULL when the vault is not available */
  struct bytes subject;
};
struct judgement vault_authenticate(uint32_t door, uint32_t peer_role, uint32_t scheme, struct bytes chain, struct bytes signature,
                                    struct bytes hash);
/* To be wiped by the caller with `vault_wipe_answer`. */
struct bytes vault_candy(uint32_t door, struct bytes ticket);
void vault_wipe_answer(void);
void vault_forget(uint32_t door);
#define TICKET_LENGTH 16u

/* --- door.c: connections -------------------------------------------------------------------------------------------- */

struct peer { uint32_t door, address, port; };
/* What net says of a slot. */
void door_opened(uint32_t slot, struct peer peer);
void door_readable(uint32_t slot);
void door_peer_closed(uint32_t slot);
void door_ended(uint32_t slot, bool timeout);
void door_refused(uint32_t reason, struct peer peer);
/* Sends what had no room before. */
void doors_resume(void);
/* Ends all of them: net is gone. */
void doors_drop(void);
uint32_t last_connection(void);

/* --- net.c: the main loop, and what a door's connection does with its stream ----------------------------------------- */

/* Ends the machine when the command line is refused. */
void net_init(const char *command_line);
NORETURN void net_run(void);
struct bytes net_read(uint32_t slot, uint32_t most);
uint32_t net_room(uint32_t slot);
void net_write(uint32_t slot, struct bytes bytes);
void net_finish(uint32_t slot);
void net_drop(uint32_t slot);
void net_authenticated(uint32_t slot);
uint32_t net_port(uint32_t door);

/* --- trace.c: one JSON object a line (unikernel/trace.ts) ------------------------------------------------------------ */

void trace_init(const char *command_line);
void trace_boot(void);
void trace_accepted(uint32_t conn, struct peer peer);
void trace_refused(uint32_t conn, struct peer peer, uint32_t reason);
void trace_certificate(uint32_t conn, struct bytes subject, uint32_t verdict);
/* A door's own trace call (unikernel/guest/trace.ts); traps when it says what cannot be. */
void trace_door(uint32_t conn, uint32_t code, uint32_t a, uint32_t b, struct bytes bytes);
void trace_trap(uint32_t conn, const char *compartment);
struct closed { const char *by; uint64_t bytes_in, bytes_out, millis, micros; };
void trace_closed(uint32_t conn, struct closed closed);

/* --- start.c -------------------------------------------------------------------------------------------------------- */

/* What follows the first word of the command line that begins with `word`; NULL: there is none. */
const char *find_word(const char *command_line, const char *word);
#endif
