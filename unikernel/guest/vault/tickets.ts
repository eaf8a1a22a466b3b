/**
 * Tickets: what the vault gives a door whose peer proved itself, to be handed back once for the candy (docs/design.md,
 * "The vault's law"). A ticket is 16 random bytes, bound to one door, and dies when it is presented (right or wrong), when its
 * door authenticates again or is forgotten, and when 64 younger ones have pushed it out of the table.
 */
import { Bytes } from "bytes";

export const TICKET_LENGTH: u32 = 16;
/** Tickets that can live at once: one for each connection that may be open. */
export const MAX_TICKETS: i32 = 64;

@final
export class Tickets {
  private table: StaticArray<Ticket> = newTable();
  private issued: u64 = 0;

  /** A new ticket for `door`, in place of an older one; the caller fills in the bytes that it returns. */
  issue(door: u32): Bytes {
    this.forget(door);
    let ticket = this.table[0];
    for (let i = 1; i < MAX_TICKETS && ticket.order != 0; i++) {
      if (this.table[i].order < ticket.order) ticket = this.table[i];
    }
    this.issued += 1;
    ticket.order = this.issued;
    ticket.door = door;
    return ticket.value;
  }

  /** Whether `presented` is the live ticket of `door`; that one is dead afterwards in any case. */
  redeem(door: u32, presented: Bytes): bool {
    const ticket = this.find(door);
    if (ticket === null) return false;
    const right = ticket.value.equals(presented);
    ticket.kill();
    return right;
  }

  /** The ticket of `door`, if it has one, dies. */
  forget(door: u32): void {
    const ticket = this.find(door);
    if (ticket !== null) ticket.kill();
  }

  private find(door: u32): Ticket | null {
    for (let i = 0; i < MAX_TICKETS; i++) {
      const ticket = this.table[i];
      if (ticket.order != 0 && ticket.door == door) return ticket;
    }
    return null;
  }
}

@final
class Ticket {
  /** When it was issued, counted from 1; 0: not live. Free places are therefore older than any ticket. */
  order: u64 = 0;
  door: u32 = 0;
  readonly value: Bytes = Bytes.alloc(TICKET_LENGTH);

  kill(): void {
    this.order = 0;
    this.value.wipe();
  }
}

function newTable(): StaticArray<Ticket> {
  const table = new StaticArray<Ticket>(MAX_TICKETS);
  for (let i = 0; i < MAX_TICKETS; i++) table[i] = new Ticket();
  return table;
}
