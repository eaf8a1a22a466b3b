/** What an owner is told of its connection (`Tcp.take`): bits. Only an enum here. */
export enum News {
  Established = 1,
  Readable = 2,
  /** The peer's FIN, and all data before it, has come. */
  PeerClosed = 4,
  /** Reset, timed out or never connected: the handle is free. */
  Gone = 8,
}
