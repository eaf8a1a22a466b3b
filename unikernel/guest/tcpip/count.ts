/** What the stack refused or could not do, by reason (counters.ts). Only an enum here: guest and tests read it. */
export enum Count {
  /** Shorter than its header says, or longer than an Ethernet frame. */
  FrameLength = 0,
  /** To another MAC, or of another EtherType. */
  FrameForeign = 1,
  ArpRefused = 2,
  /** A neighbour could not be asked for or remembered: the table is full. */
  ArpFull = 3,
  /** A packet was given up because its next hop did not answer, or too many waited. */
  ArpUnresolved = 4,
  IpHeader = 5,
  IpChecksum = 6,
  IpFragment = 7,
  IpSourceRoute = 8,
  /** From an address that no host may have: broadcast, multicast, loopback, our own. */
  IpSource = 9,
  IpForeign = 10,
  IpProtocol = 11,
  /** No way to the destination. */
  IpNoRoute = 12,
  IcmpRefused = 13,
  /** More echo requests or errors than we answer. */
  IcmpLimited = 14,
  UdpRefused = 15,
  DhcpRefused = 16,
  /** A reply was dropped because too many wait to be sent. */
  QueueFull = 17,
}
