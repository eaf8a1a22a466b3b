/**
 * GREASE (RFC 8701): reserved values that we put into our lists, so that peers which choke on what they do not know are found
 * while that is cheap. They are drawn once for each connection, so a ClientHello that is sent again says the same
 * (RFC 8446 §4.1.2). Nothing here accepts one: a peer that chooses a GREASE value chose something that we do not have,
 * and is refused as for any other (§3.1, §4.1).
 */
import { Bytes } from "bytes";
import { Generator } from "../crypto/drbg";
import { Writer } from "../wire/writer";

@final
export class Grease {
  private random: Bytes = Bytes.alloc(LENGTH);

  constructor(generator: Generator) {
    generator.fill(this.random);
  }

  get suite(): u32 {
    return this.value(0);
  }

  get group(): u32 {
    return this.value(1);
  }

  get version(): u32 {
    return this.value(2);
  }

  get scheme(): u32 {
    return this.value(3);
  }

  /** A KeyShareEntry for {@link group}: one byte that is no key. */
  writeShare(writer: Writer): void {
    writer.u16(this.group);
    writer.u16(1);
    writer.u8(this.random[5]);
  }

  /** An extension "with varying length and contents": up to seven bytes. */
  writeExtension(writer: Writer): void {
    writer.u16(this.value(4));
    const length = <u32>this.random[6] & 7;
    writer.u16(length);
    for (let i: u32 = 0; i < length; i++) writer.u8(this.random[7 + i]);
  }

  /** One of 0x0a0a, 0x1a1a, … 0xfafa. */
  private value(i: u32): u32 {
    return (((<u32>this.random[i] & 0xf0) | 0x0a) * 0x0101) & 0xffff;
  }
}

/** Five values, the byte of the share, the extension's length and its contents. */
const LENGTH: u32 = 14;
