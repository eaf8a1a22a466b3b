/* The packets that net's harness makes and looks at: checksums, headers, an ARP reply (RFC 826, 791, 1071). Addresses are in host order. */
#ifndef PINATA_FUZZ_PACKETS_H
#define PINATA_FUZZ_PACKETS_H

#include "fuzz.h"

enum { ETHERNET = 14, IP_HEADER = 20, TCP_HEADER = 20, UDP_HEADER = 8, ARP_LENGTH = 28, MTU = 1500 };
enum { ICMP = 1, TCP = 6, UDP = 17, TYPE_IPV4 = 0x0800, TYPE_ARP = 0x0806 };
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4 };

static const uint8_t our_mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
static const uint8_t arp_head[6] = {0, 1, 8, 0, 6, 4};

/** The Internet checksum over `length` bytes on top of `start`; 0 over bytes that hold a right one. */
static inline uint32_t sum(const uint8_t *bytes, uint32_t length, uint32_t start) {
  uint64_t total = start;
  for (uint32_t i = 0; i + 1 < length; i += 2) total += u16_at(bytes + i);
  if (length & 1) total += (uint32_t)bytes[length - 1] << 8;
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  return ~(uint32_t)total & 0xffff;
}

/** The checksum of TCP or UDP in an IPv4 packet without options, pseudo header included. */
static inline uint32_t transport_sum(const uint8_t *packet, uint32_t length) {
  const uint32_t size = length - IP_HEADER;
  const uint32_t pseudo = u16_at(packet + 12) + u16_at(packet + 14) + u16_at(packet + 16) + u16_at(packet + 18);
  return sum(packet + IP_HEADER, size, pseudo + packet[9] + size);
}

/** The MAC of the host with an address on the link. */
static inline void mac_of(uint8_t *mac, uint32_t address) {
  mac[0] = 0x02, mac[1] = 0;
  put32(mac + 2, address);
}

/** Puts checksums right behind an IPv4 header that is in place. */
static inline void put_sums(uint8_t *packet, uint32_t length) {
  const uint32_t header = (packet[0] & 15) * 4u;
  put16(packet + 10, 0);
  put16(packet + 10, sum(packet, header, 0));
  const uint32_t size = length - header;
  uint8_t *payload = packet + header;
  const uint32_t at = packet[9] == TCP ? 16 : packet[9] == UDP ? 6 : packet[9] == ICMP ? 2 : size;
  if (size < at + 2) return;
  put16(payload + at, 0);
  const uint32_t pseudo = u16_at(packet + 12) + u16_at(packet + 14) + u16_at(packet + 16) + u16_at(packet + 18);
  put16(payload + at, sum(payload, size, packet[9] == ICMP ? 0 : pseudo + packet[9] + size));
}

/** Writes Ethernet and IPv4 headers in front of `size` bytes of payload that are in place; the frame's length. */
static inline uint32_t packet(uint8_t *frame, uint32_t from, uint32_t to, uint32_t protocol, uint32_t size, bool sums) {
  uint8_t *header = frame + ETHERNET;
  memcpy(frame, our_mac, 6);
  mac_of(frame + 6, from);
  put16(frame + 12, TYPE_IPV4);
  memset(header, 0, IP_HEADER);
  header[0] = 0x45, header[8] = 64, header[9] = (uint8_t)protocol;
  put16(header + 2, IP_HEADER + size);
  put32(header + 12, from);
  put32(header + 16, to);
  if (sums) put_sums(header, IP_HEADER + size);
  else put16(header + 10, sum(header, IP_HEADER, 0));
  return ETHERNET + IP_HEADER + size;
}

/** Puts the checksums of a raw frame right as far as it has any; its lengths stay. */
static inline void mend(uint8_t *frame, uint32_t length) {
  if (length < ETHERNET + IP_HEADER || u16_at(frame + 12) != TYPE_IPV4) return;
  uint8_t *header = frame + ETHERNET;
  const uint32_t total = u16_at(header + 2), own = (header[0] & 15) * 4u;
  if (own < IP_HEADER || total < own || total > length - ETHERNET) return;
  put_sums(header, total);
}

/** `from` tells `to` where it is. */
static inline uint32_t arp_reply(uint8_t *frame, uint32_t from, uint32_t to) {
  memcpy(frame, our_mac, 6);
  mac_of(frame + 6, from);
  put16(frame + 12, TYPE_ARP);
  uint8_t *body = frame + ETHERNET;
  memcpy(body, arp_head, sizeof arp_head);
  put16(body + 6, 2);
  mac_of(body + 8, from);
  put32(body + 14, from);
  memcpy(body + 18, our_mac, 6);
  put32(body + 24, to);
  return ETHERNET + ARP_LENGTH;
}

#endif
