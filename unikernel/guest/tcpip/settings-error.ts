/** Why a command line's settings were refused (settings.ts). Only an enum here: guest, boards and commands read it. */
export enum SettingsError {
  None = 0,
  /** No `ip=` word. */
  AddressMissing = 1,
  AddressBad = 2,
  /** Not an address, or outside the subnet of `ip=`. */
  GatewayBad = 3,
  PortsBad = 4,
  DialBad = 5,
  LimitsBad = 6,
  /** A word that may stand once stands twice. */
  Repeated = 7,
  TooLong = 8,
}
