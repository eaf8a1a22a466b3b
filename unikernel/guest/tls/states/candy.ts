/**
 * The end of a handshake that proved everything: the vault's candy, then close_notify. The one place that asks for it. With that
 * our side of the connection is closed; the peer's is read on (states/close-notify.ts).
 */
import { mark, release } from "arena";
import { Bytes } from "bytes";
import { Failure } from "../../failure";
import { State } from "../../trace";
import { Connection } from "../connection";
import { TrafficSecret } from "../key-schedule";
import { ContentType } from "../registry";
import { ExpectCloseNotify } from "./close-notify";
import { Ended, HandshakeState } from "./state";

/** Bytes of a candy at most. */
const MAX_CANDY: u32 = 2048;

/** Sends the candy for `ticket` (16 bytes, wiped) as application data, then close_notify; `peer` is the peer's application traffic secret. */
export function giveCandy(connection: Connection, ticket: Bytes, peer: TrafficSecret): HandshakeState {
  const scope = mark();
  const candy = Bytes.alloc(MAX_CANDY);
  const length = connection.vault.candy(ticket, candy);
  if (length > 0) {
    const content = connection.writer.open();
    content.put(candy.slice(0, length));
    connection.writer.close(ContentType.ApplicationData, content);
  }
  release(scope);
  ticket.wipe();
  if (length == 0) {
    peer.wipe();
    return new Ended(Failure.TicketRefused);
  }
  connection.traceCandy();
  connection.reached(State.Opened);
  connection.closeNotify();
  connection.closeWriteSide();
  const protection = peer.protection();
  connection.reader.protect(protection);
  return new ExpectCloseNotify(peer, protection);
}
