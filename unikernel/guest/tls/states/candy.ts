/**
 * The end of a handshake that proved everything: the vault's candy, then close_notify. The one place that asks for it.
 */
import { mark, release } from "arena";
import { Bytes } from "bytes";
import { Failure } from "../../failure";
import { State } from "../../trace";
import { Connection } from "../connection";
import { ContentType } from "../registry";
import { Ended, HandshakeState } from "./state";

/** Bytes of a candy at most. */
const MAX_CANDY: u32 = 2048;

/** Sends the candy for `ticket` (16 bytes, wiped) as application data, then close_notify. */
export function giveCandy(connection: Connection, ticket: Bytes): HandshakeState {
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
  if (length == 0) return new Ended(Failure.TicketRefused);
  connection.traceCandy();
  connection.reached(State.Opened);
  connection.closeNotify();
  return new Ended(Failure.None);
}
