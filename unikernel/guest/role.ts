/** The two roles of TLS, as every compartment and board numbers them. Only an enum, so that AssemblyScript and TypeScript both read it. */
export enum Role {
  Server = 0,
  Client = 1,
}
