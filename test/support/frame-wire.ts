/**
 * A link that carries Ethernet frames (no FCS, no length but the frame's own): a TAP device, one that loses some (lossy-wire.ts), or the
 * ends of a test's own. A board (frame-board.ts) needs nothing else of the world.
 */
export interface FrameWire {
  /** Sends one frame towards the network. */
  send(frame: Uint8Array): void;
  /** Sets who gets the frames that come from the network; there is one at a time. */
  onFrame(listener: (frame: Uint8Array) => void): void;
}

/** Both ends of a cable: what one sends the other gets at once. */
export function cable(): [FrameWire, FrameWire] {
  const listeners: ((frame: Uint8Array) => void)[] = [() => {}, () => {}];
  const end = (own: number): FrameWire => ({
    send: (frame) => listeners[1 - own]!(frame),
    onFrame: (listener) => {
      listeners[own] = listener;
    },
  });
  return [end(0), end(1)];
}
