/** The arrows between folders (docs/design.md, "Layout"): who may import whom. Run by bin/arrows.mjs. */
const ENTRIES = "^unikernel/guest/(net|door|vault)\\.ts$";
/** Tables that hold only enums: read by guest and boards alike. */
const TABLES = "^unikernel/guest/(failure|trace|role|seal-error)\\.ts$";

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "monitor-stands-alone",
      comment: "The monitor holds no secret and shares only the trace's schema and words with the unikernel.",
      severity: "error",
      from: { path: "^monitor/" },
      to: { path: "^(unikernel|web|infra|test)/", pathNot: "^unikernel/(trace|failures)\\.ts$" },
    },
    {
      name: "web-knows-only-the-published-schema",
      comment: "And the texts of reasons, which it finds again by them to say them in other languages.",
      severity: "error",
      from: { path: "^web/" },
      to: {
        path: "^(monitor|unikernel|infra|test)/",
        pathNot: "^(monitor/(schema|trace/reasons)|unikernel/failures)\\.ts$",
      },
    },
    {
      name: "unikernel-imports-nobody",
      severity: "error",
      from: { path: "^unikernel/" },
      to: { path: "^(monitor|web|infra|test)/" },
    },
    {
      name: "guest-imports-only-guest",
      severity: "error",
      from: { path: "^unikernel/guest/" },
      to: { path: "^unikernel/(?!guest/)" },
    },
    {
      name: "boards-read-only-the-guests-tables",
      severity: "error",
      from: { path: "^unikernel/(boards/|[^/]+\\.ts$)" },
      to: { path: "^unikernel/guest/", pathNot: TABLES },
    },
    { name: "nothing-imports-an-entry", severity: "error", from: {}, to: { path: ENTRIES } },
    {
      name: "crypto-and-wire-are-the-ground",
      severity: "error",
      from: { path: "^unikernel/guest/(crypto|wire)/" },
      to: { path: "^unikernel/guest/(tls|x509|tcpip)/" },
    },
    {
      name: "x509-knows-no-tls",
      severity: "error",
      from: { path: "^unikernel/guest/x509/" },
      to: { path: "^unikernel/guest/(tls|tcpip)/" },
    },
    {
      name: "tls-knows-no-network-or-certificates",
      severity: "error",
      from: { path: "^unikernel/guest/tls/" },
      to: { path: "^unikernel/guest/(tcpip|x509)/" },
    },
    { name: "nobody-imports-tests", severity: "error", from: { pathNot: "^test/" }, to: { path: "^test/" } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(build|node_modules)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { extensions: [".ts", ".tsx", ".mjs", ".js"] },
  },
};
