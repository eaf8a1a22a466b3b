/**
 * The engine's surroundings as a board offers them: views become addresses and lengths, which the board checks against
 * this compartment's memory.
 */
import { Bytes } from "bytes";
import { Failure } from "../failure";
import { Role } from "../role";
import { Trace, Vault } from "../tls/surroundings";
import * as board from "./board";
import * as vault from "./vault";

@final
export class BoardVault extends Vault {
  certificates(role: Role, out: Bytes): u32 {
    return within(vault.certificates(role, out.address, out.length), out);
  }

  authority(out: Bytes): u32 {
    return within(vault.authority(out.address, out.length), out);
  }

  scheme(role: Role): u32 {
    return vault.scheme(role);
  }

  sign(role: Role, transcriptHash: Bytes, out: Bytes): u32 {
    return within(vault.sign(role, transcriptHash.address, transcriptHash.length, out.address, out.length), out);
  }

  authenticate(
    peerRole: Role,
    scheme: u32,
    chain: Bytes,
    signature: Bytes,
    transcriptHash: Bytes,
    ticket: Bytes,
  ): Failure {
    return vault.authenticate(
      peerRole,
      scheme,
      chain.address,
      chain.length,
      signature.address,
      signature.length,
      transcriptHash.address,
      transcriptHash.length,
      ticket.address,
    );
  }

  candy(ticket: Bytes, out: Bytes): u32 {
    return within(vault.candy(ticket.address, out.address, out.length), out);
  }
}

@final
export class BoardTrace extends Trace {
  event(code: u32, a: u32, b: u32, bytes: Bytes): void {
    board.trace(code, a, b, bytes.address, bytes.length);
  }
}

/** The board never says that it wrote more than there was room for; if it does, that is no answer to go on with. */
function within(length: u32, out: Bytes): u32 {
  assert(length <= out.length);
  return length;
}
