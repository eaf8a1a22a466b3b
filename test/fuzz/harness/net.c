/*
 * Fuzz target: net against the whole network and a board that does anything it may do. The harness stands for the link (it answers ARP), for
 * peers whose TCP segments fit the sequence numbers of the conversation, for a DHCP server, for time and for the board.
 *
 * Input: a byte of FLAGS, then operations (a byte OP in its low three bits, and what harness/net.c's `step` takes) to the end.
 *
 * Beyond not trapping: `next` and `transmit` come to an end, events keep their order, nothing is allocated after start, and every frame that
 * net sends is one that an honest host at our address may send, with right lengths and checksums.
 */
#include "net.h"

#include <stdlib.h>

#include "fuzz.h"
#include "packets.h"

enum {
  FLAG_DHCP = 1,      /* booted with ip=dhcp; otherwise 10.0.2.15/24 */
  FLAG_CHECKSUMS = 2, /* lengths and checksums of raw frames are put right */
  FLAG_DEAF = 4,      /* nobody answers ARP */
  FLAG_ECHO = 8,      /* the board reads at once, sends it back, and finishes when the peer has */
};
enum { OP_FRAME, OP_PACKET, OP_SEGMENT, OP_ORDERLY, OP_TIME, OP_BOARD, OP_DHCP, OP_DEADLINE };
enum { BOARD_READ, BOARD_WRITE, BOARD_FINISH, BOARD_DROP, BOARD_AUTHENTICATED, BOARD_ACTIONS };
enum { EVENT_OPENED = 1, EVENT_REFUSED, EVENT_READABLE, EVENT_PEER_CLOSED, EVENT_ENDED };

#define SLOTS 64
#define MOST_OPERATIONS 400
#define MOST_EVENTS 1000
#define MOST_FRAMES 5000
#define BOOT_TIME 1780315200000u
#define SEED_LENGTH 16
#define SECRETS (SEED_LENGTH + 32)
/** Which peer's address, port and door a byte of the input stands for. */
#define CONVERSATIONS 256

typedef struct {
  Z_net_instance_t instance;
  uint8_t *memory;
  uint32_t heap_top;
} Snapshot;

static Z_net_instance_t net;
static Snapshot booted[2];
static uint64_t now;
static uint32_t flags;
static bool open_slots[SLOTS];
static uint32_t dhcp_transaction;
/** The next sequence number of a peer, and what it has seen of ours. */
static struct {
  uint32_t next, seen;
} conversations[CONVERSATIONS];

static uint8_t *inbox(uint32_t length) {
  expect(length <= Z_netZ_inboxSize(&net), "the harness gives more than the inbox holds");
  return window(Z_netZ_memory(&net), Z_netZ_inbox(&net), length);
}

static const uint8_t *outbox(uint32_t length) {
  expect(length <= Z_netZ_outboxSize(&net), "net says more than its outbox holds");
  return window(Z_netZ_memory(&net), Z_netZ_outbox(&net), length);
}

static void settle(void);

/** Hands a frame in; a card receives none that is longer than the buffer. */
static void hand_in(const uint8_t *frame, uint32_t length) {
  if (length > Z_netZ_inboxSize(&net)) return;
  memcpy(inbox(length), frame, length);
  Z_netZ_frame(&net, length, now);
}

/* --- what net sends --- */

static uint32_t peer_address(uint32_t conversation) { return 0x0a000202u + (conversation >> 3 & 3); }
static uint32_t peer_port(uint32_t conversation) { return (conversation >> 5 & 3) == 3 ? 40001 : 50000 + (conversation & 7); }
static uint32_t our_port(uint32_t conversation) { return 10000 + (conversation >> 5 & 3); }

/** The port that our end of a conversation has called back from, once it has. */
static uint32_t dialled_from[4];

static void check_tcp(const uint8_t *packet, uint32_t length) {
  const uint8_t *segment = packet + IP_HEADER;
  const uint32_t size = length - IP_HEADER;
  expect(size >= TCP_HEADER, "a TCP segment that is too short");
  const uint32_t header = (segment[12] >> 4) * 4u;
  expect(header >= TCP_HEADER && header <= size, "a TCP segment with a wrong data offset");
  expect(transport_sum(packet, length) == 0, "a TCP segment with a wrong checksum");
  const uint32_t from = u16_at(segment), to = u16_at(segment + 2);
  const bool listens = from >= 10000 && from <= 10002;
  expect(listens || to == 40001 || (segment[13] & TCP_RST), "a TCP segment from a port that is not ours");
  const uint32_t spans = size - header + !!(segment[13] & TCP_SYN) + !!(segment[13] & TCP_FIN);
  const uint32_t address = u32_at(packet + 16);
  if (!listens && to == 40001) dialled_from[(address - 0x0a000202u) & 3] = from;
  for (uint32_t i = 0; i < CONVERSATIONS; i++) {
    if (peer_address(i) != address || peer_port(i) != to) continue;
    if ((i >> 5 & 3) == 3 ? listens : our_port(i) != from) continue;
    const uint32_t end = u32_at(segment + 4) + spans;
    if ((segment[13] & TCP_SYN) || (int32_t)(end - conversations[i].seen) > 0) conversations[i].seen = end;
  }
}

static void check_ipv4(const uint8_t *packet, uint32_t length, uint32_t room) {
  expect(length >= IP_HEADER && packet[0] == 0x45, "an IPv4 header that is not one of ours");
  expect(u16_at(packet + 2) == length, "an IPv4 length that is not the frame's");
  expect(sum(packet, IP_HEADER, 0) == 0, "an IPv4 header with a wrong checksum");
  expect(packet[8] > 0 && length <= room, "an IPv4 packet without time to live, or longer than the link takes");
  const uint32_t source = u32_at(packet + 12), destination = u32_at(packet + 16);
  const uint8_t *payload = packet + IP_HEADER;
  const uint32_t size = length - IP_HEADER;
  const bool is_dhcp = packet[9] == UDP && size >= UDP_HEADER && u16_at(payload) == 68 && u16_at(payload + 2) == 67;
  expect(source == Z_netZ_address(&net) || (is_dhcp && source == 0), "a source that is not our address");
  expect(is_dhcp || (destination >> 28 < 0xe && destination >> 24 != 0 && destination >> 24 != 127), "an answer to no host");
  switch (packet[9]) {
    case ICMP:
      expect(size >= 8 && sum(payload, size, 0) == 0, "an ICMP message with a wrong checksum");
      expect(payload[0] == 0 || payload[0] == 3, "an ICMP message that we do not send");
      return;
    case UDP:
      expect(size >= UDP_HEADER && u16_at(payload + 4) == size, "a UDP length that is not the packet's");
      expect(u16_at(payload + 6) == 0 || transport_sum(packet, length) == 0, "a UDP datagram with a wrong checksum");
      expect(is_dhcp && size >= UDP_HEADER + 240, "a UDP datagram that is not DHCP's");
      dhcp_transaction = u32_at(payload + UDP_HEADER + 4);
      return;
    case TCP:
      check_tcp(packet, length);
      return;
    default:
      finding("an IPv4 protocol that we do not speak");
  }
}

static void check_frame(const uint8_t *frame, uint32_t length) {
  expect(length >= ETHERNET && length <= ETHERNET + MTU, "a frame of a length that cannot be");
  expect(memcmp(frame + 6, our_mac, 6) == 0, "a frame that is not from our MAC");
  const uint8_t *packet = frame + ETHERNET;
  if (u16_at(frame + 12) == TYPE_ARP) {
    expect(length >= ETHERNET + ARP_LENGTH && memcmp(packet, arp_head, sizeof arp_head) == 0, "an ARP packet that is none");
    expect(memcmp(packet + 8, our_mac, 6) == 0, "an ARP packet with another sender's MAC");
    const uint32_t sender = u32_at(packet + 14);
    expect(sender == Z_netZ_address(&net) || sender == 0, "an ARP packet with another sender's address");
    return;
  }
  expect(u16_at(frame + 12) == TYPE_IPV4 && length >= ETHERNET + IP_HEADER, "a frame of a type that we do not speak");
  const uint32_t total = u16_at(packet + 2);
  // A short frame may be padded to the 60 bytes that Ethernet asks for.
  expect(total == length - ETHERNET || (length == 60 && total < length - ETHERNET), "a frame with bytes behind its packet");
  check_ipv4(packet, total, MTU);
}

/** Answers an ARP request for anybody on the link but us. */
static void answer_arp(const uint8_t *frame) {
  if ((flags & FLAG_DEAF) || u16_at(frame + 12) != TYPE_ARP || u16_at(frame + 20) != 1) return;
  const uint32_t target = u32_at(frame + ETHERNET + 24);
  if (target == u32_at(frame + ETHERNET + 14)) return;
  uint8_t reply[ETHERNET + ARP_LENGTH];
  const uint32_t length = arp_reply(reply, target, u32_at(frame + ETHERNET + 14));
  hand_in(reply, length);
}

/* --- the board --- */

static void board(uint32_t slot, uint32_t action, uint32_t amount) {
  if (!open_slots[slot]) return;
  switch (action % BOARD_ACTIONS) {
    case BOARD_READ:
      expect(Z_netZ_read(&net, slot, amount) <= amount, "more is read than was asked for");
      return;
    case BOARD_WRITE: {
      const uint32_t room = Z_netZ_room(&net, slot);
      expect(room <= Z_netZ_inboxSize(&net), "room for more than the inbox holds");
      const uint32_t length = amount < room ? amount : room;
      memset(inbox(length), 'w', length);
      Z_netZ_write(&net, slot, length);
      return;
    }
    case BOARD_FINISH:
      Z_netZ_finish(&net, slot);
      open_slots[slot] = false;
      return;
    case BOARD_DROP:
      Z_netZ_drop(&net, slot);
      open_slots[slot] = false;
      return;
    case BOARD_AUTHENTICATED:
      Z_netZ_authenticated(&net, slot, now);
      return;
  }
}

static void echo(uint32_t slot, uint32_t kind) {
  if (kind == EVENT_PEER_CLOSED) {
    board(slot, BOARD_FINISH, 0);
    return;
  }
  for (uint32_t length = 1; length > 0 && kind == EVENT_READABLE;) {
    length = Z_netZ_read(&net, slot, Z_netZ_outboxSize(&net));
    board(slot, BOARD_WRITE, length);
  }
}

static bool take_event(void) {
  const uint32_t kind = Z_netZ_next(&net, now);
  if (kind == 0) return false;
  const uint8_t *record = outbox(12);
  const uint32_t slot = record[1];
  expect(record[0] == kind && kind <= EVENT_ENDED && slot < SLOTS && record[2] <= 2, "an event that cannot be");
  if (kind == EVENT_REFUSED) return true;
  if (kind == EVENT_OPENED) {
    expect(!open_slots[slot], "a slot that is opened twice");
    open_slots[slot] = true;
    return true;
  }
  // The end of a connection may come when its door has gone already.
  expect(open_slots[slot] || kind == EVENT_ENDED, "an event of a slot that is not open");
  if (kind == EVENT_ENDED) open_slots[slot] = false;
  else if (flags & FLAG_ECHO) echo(slot, kind);
  return true;
}

/** What a board does after each frame and each tick. */
static void settle(void) {
  static uint8_t frame[ETHERNET + MTU];
  for (uint32_t i = 0; take_event(); i++) expect(i < MOST_EVENTS, "events without end");
  for (uint32_t i = 0;; i++) {
    const uint32_t length = Z_netZ_transmit(&net, now);
    if (length == 0) break;
    expect(i < MOST_FRAMES, "frames without end");
    check_frame(outbox(length), length);
    memcpy(frame, outbox(length), length);
    answer_arp(frame);
    while (take_event()) {
    }
  }
  expect(Z_netZ_connections(&net) <= SLOTS, "more connections than slots");
}

/* --- the network --- */

/** A segment of a peer, `sequence` and `acknowledgment` relative to its conversation; `bytes` are options and data. */
static void segment(Input *input, bool orderly) {
  static uint8_t frame[ETHERNET + MTU];
  const uint32_t conversation = take(input, 1);
  const uint32_t tcp_flags = take(input, 1);
  const int16_t sequence = orderly ? 0 : (int16_t)take(input, 2);
  const int16_t acknowledgment = orderly ? 0 : (int16_t)take(input, 2);
  const uint32_t size = orderly ? 0xffff : take(input, 2);
  uint32_t options = orderly ? 0 : (take(input, 1) & 15) * 4;
  const Chunk bytes = take_chunk(input);
  const uint32_t length = (uint32_t)(bytes.length < 1400 ? bytes.length : 1400);
  if (options > length) options = length & ~3u;
  if (options > 40) options = 40;
  if (conversations[conversation].next == 0) conversations[conversation].next = 1000 + (conversation << 16);

  uint8_t *tcp = frame + ETHERNET + IP_HEADER;
  const uint32_t calls_back = (conversation >> 5 & 3) == 3;
  put16(tcp, peer_port(conversation));
  put16(tcp + 2, calls_back ? dialled_from[conversation >> 3 & 3] : our_port(conversation));
  put32(tcp + 4, conversations[conversation].next + (uint32_t)sequence);
  put32(tcp + 8, conversations[conversation].seen + (uint32_t)acknowledgment);
  tcp[12] = (uint8_t)((TCP_HEADER + options) / 4 << 4);
  tcp[13] = (uint8_t)tcp_flags;
  put16(tcp + 14, size);
  put32(tcp + 16, 0);
  memcpy(tcp + TCP_HEADER, bytes.at, length);
  if (sequence == 0) conversations[conversation].next += length - options + !!(tcp_flags & TCP_SYN) + !!(tcp_flags & TCP_FIN);
  hand_in(frame, packet(frame, peer_address(conversation), Z_netZ_address(&net), TCP, TCP_HEADER + length, true));
}

/** A message of a DHCP server in the transaction that net is in; the chunk is its options. */
static void dhcp(Input *input) {
  static uint8_t frame[ETHERNET + MTU];
  const uint32_t type = take(input, 1);
  const uint32_t offered = 0x0a000200u + take(input, 1);
  const Chunk options = take_chunk(input);
  const uint32_t length = (uint32_t)(options.length < 1000 ? options.length : 1000);
  uint8_t *udp = frame + ETHERNET + IP_HEADER, *message = udp + UDP_HEADER;
  memset(udp, 0, UDP_HEADER + 240);
  put16(udp, 67);
  put16(udp + 2, 68);
  put16(udp + 4, UDP_HEADER + 240 + 3 + length);
  message[0] = 2, message[1] = 1, message[2] = 6;
  put32(message + 4, dhcp_transaction);
  put32(message + 16, offered);
  put32(message + 20, 0x0a000202u);
  memcpy(message + 28, our_mac, 6);
  put32(message + 236, 0x63825363u);
  message[240] = 53, message[241] = 1, message[242] = (uint8_t)type;
  memcpy(message + 243, options.at, length);
  hand_in(frame, packet(frame, 0x0a000202u, 0xffffffffu, UDP, UDP_HEADER + 243 + length, true));
}

static void step(Input *input) {
  static uint8_t frame[65536];
  const uint32_t op = take(input, 1);
  switch (op & 7) {
    case OP_FRAME: {
      const Chunk bytes = take_chunk(input);
      memcpy(frame, bytes.at, bytes.length);
      if (flags & FLAG_CHECKSUMS) mend(frame, (uint32_t)bytes.length);
      hand_in(frame, (uint32_t)bytes.length);
      break;
    }
    case OP_PACKET: {
      const uint32_t protocol = take(input, 1);
      const Chunk bytes = take_chunk(input);
      const uint32_t length = (uint32_t)(bytes.length < 1480 ? bytes.length : 1480);
      memcpy(frame + ETHERNET + IP_HEADER, bytes.at, length);
      const uint32_t to = op & 8 ? 0xffffffffu : Z_netZ_address(&net);
      hand_in(frame, packet(frame, peer_address(op >> 2), to, protocol, length, flags & FLAG_CHECKSUMS));
      break;
    }
    case OP_SEGMENT:
      segment(input, false);
      break;
    case OP_ORDERLY:
      segment(input, true);
      break;
    case OP_TIME:
      now += (uint64_t)take(input, 2) << (op >> 5) * 2;
      Z_netZ_tick(&net, now);
      break;
    case OP_BOARD: {
      const uint32_t slot = take(input, 1) % SLOTS;
      const uint32_t action = op >> 3;
      board(slot, action, take(input, 2));
      break;
    }
    case OP_DHCP:
      dhcp(input);
      break;
    case OP_DEADLINE: {
      const uint64_t deadline = Z_netZ_deadline(&net);
      if (deadline > now) now = deadline;
      Z_netZ_tick(&net, now);
      break;
    }
  }
  settle();
}

/* --- a run --- */

static void boot(Snapshot *snapshot, const char *line) {
  Z_net_instantiate(&net);
  const uint32_t length = SECRETS + 6 + (uint32_t)strlen(line);
  uint8_t *in = inbox(length);
  memset(in, 0x6e, SECRETS);
  memcpy(in + SECRETS, our_mac, 6);
  memcpy(in + SECRETS + 6, line, strlen(line));
  expect(Z_netZ_boot(&net, length, BOOT_TIME) == 0, "net refuses its settings");
  snapshot->heap_top = Z_netZ_heapTop(&net);
  snapshot->instance = net;
  snapshot->memory = malloc(Z_netZ_memory(&net)->size);
  expect(snapshot->memory != NULL, "the harness has no memory");
  memcpy(snapshot->memory, Z_netZ_memory(&net)->data, Z_netZ_memory(&net)->size);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  Z_net_init_module();
  boot(&booted[0], "ip=10.0.2.15/24 gateway=10.0.2.2");
  boot(&booted[1], "ip=dhcp limits=8,4,5000");
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Input input = {data, size};
  flags = take(&input, 1);
  const Snapshot *snapshot = &booted[flags & FLAG_DHCP];
  net = snapshot->instance;
  memcpy(Z_netZ_memory(&net)->data, snapshot->memory, Z_netZ_memory(&net)->size);
  now = BOOT_TIME;
  dhcp_transaction = 0;
  memset(open_slots, 0, sizeof open_slots);
  memset(conversations, 0, sizeof conversations);
  memset(dialled_from, 0, sizeof dialled_from);
  settle();
  for (uint32_t i = 0; i < MOST_OPERATIONS && input.left > 0; i++) step(&input);
  expect(Z_netZ_heapTop(&net) == snapshot->heap_top, "net has allocated after its start");
  return 0;
}
