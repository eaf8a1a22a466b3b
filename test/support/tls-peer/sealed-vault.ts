/**
 * The shipped vault behind a test's door, in place of the tests' own: for what only the real one can judge. It is unsealed
 * with a P-256 identity below an authority of any kind of key.
 */
import type { Role } from "../../../unikernel/guest/role.ts";
import { NOW } from "../certificates.ts";
import { FakeVault, type Pki, TestDoor } from "../door-host.ts";
import { TestVault } from "../vault.ts";

/** Numbers the door for the vault, which binds tickets to it. */
const DOOR = 1;

/** Speaks to the door as {@link FakeVault} does, and asks a shipped vault. */
class SealedVault extends FakeVault {
  constructor(
    pki: Pki,
    private readonly vault: TestVault,
  ) {
    super(pki);
  }

  override scheme(role: Role): number {
    return this.vault.scheme(role);
  }

  override certificates(role: Role): Uint8Array {
    return this.vault.certificates(role);
  }

  override authority(): Uint8Array {
    return this.vault.authority();
  }

  override sign(role: Role, hash: Uint8Array): Uint8Array {
    return this.vault.sign(role, hash);
  }

  override authenticate(
    ...[peerRole, scheme, chain, signature, hash]: Parameters<FakeVault["authenticate"]>
  ): ReturnType<FakeVault["authenticate"]> {
    this.calls.push("authenticate");
    return this.vault.authenticate({ door: DOOR, peerRole, now: NOW, scheme, chain, signature, hash });
  }

  override candy(ticket: Uint8Array): Uint8Array {
    this.calls.push("candy");
    return Buffer.from(this.vault.candy(DOOR, ticket), "latin1");
  }
}

/** A started door of the image before a shipped vault with `seal`; `first` is what it says first. */
export function openSealedDoor(
  modules: { door: WebAssembly.Module; vault: WebAssembly.Module },
  seal: Uint8Array,
  pki: Pki,
  role: Role,
): { door: TestDoor; first: Uint8Array } {
  const vault = new TestVault(modules.vault);
  vault.seed(crypto.getRandomValues(new Uint8Array(32)));
  const refused = vault.unseal(seal);
  if (refused !== 0) throw new Error(`the vault refuses the seal: ${refused}`);
  const door = new TestDoor(modules.door, new SealedVault(pki, vault));
  return { door, first: door.start(role) };
}
