/**
 * The `pinata` command: what each subcommand takes and says. A subcommand's code is loaded only when it runs, so that
 * help and small commands are quick. Mistakes are one line on standard error: exit 2 for a wrong command line or file,
 * exit 1 when the command could not do what it was asked.
 */
import { Command, InvalidArgumentError, Option } from "commander";
import manifest from "../../package.json" with { type: "json" };
import { LEAST_MEMORY, MOST_MEMORY } from "../machine/qemu.ts";
import { CommandError, UsageError } from "./errors.ts";
import { DEFAULT_DIR } from "./start/state-dir.ts";

const program = new Command("pinata")
  .description("A bounty piñata: a sealed TLS 1.3 server with bitcoin inside. Break it and the coins are yours.")
  .version(manifest.version, "--version", "print the version")
  .helpOption("--help", "print this")
  .showHelpAfterError("(pinata --help lists the commands)")
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "pinata: ")) })
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : 2);
  });

program
  .command("start")
  .description("run everything on this machine: a practice piñata, a development chain, the monitor and the web page")
  .addOption(text("--dir <DIR>", "where this piñata lives; made when it is not there", DEFAULT_DIR))
  .option("--new", "put the piñata of --dir aside (nothing is deleted) and hang a new one")
  .addOption(
    text("--host <ADDRESS>", "where the doors and the page listen; 0.0.0.0 lets other machines in", "localhost"),
  )
  .addOption(port("--web-port <N>", "the web page", 8080))
  .addOption(port("--monitor-port <N>", "the monitor's API (this machine only)", 8081))
  .addOption(port("--chain-port <N>", "the development chain (this machine only)", 8082))
  .addOption(port("--server-port <N>", "the door where the piñata is the TLS server", 10000))
  .addOption(port("--dialback-port <N>", "the door that calls back", 10001))
  .addOption(port("--client-port <N>", "the door where the piñata is the TLS client", 10002))
  .addOption(port("--dial-to-port <N>", "your port that the second door calls", 40001))
  .addOption(
    wholeNumber(
      "--from-peer <N>",
      "connections of one peer at once (Node board; behind QEMU all peers look like one)",
      16,
      1,
      64,
    ),
  )
  .addOption(wholeNumber("--block-seconds <N>", "a block this often on the development chain", 30, 1, 86_400))
  .addOption(
    new Option(
      "--board <BOARD>",
      "what the piñata runs on: metal (a virtual machine under QEMU), node (this Node), or auto",
    )
      .choices(["auto", "metal", "node"])
      .default("auto"),
  )
  .option("--bitcoind", "use bitcoind (from the PATH) in regtest mode instead of the development chain")
  .addOption(
    text("--public-url <URL>", "where visitors reach the page, behind a reverse proxy; its path is the base path"),
  )
  .addOption(text("--onion-url <URL>", "the page as an onion service, http://….onion"))
  .option("--trust-proxy", "believe X-Forwarded-Proto and -Host: only behind a proxy that sets both itself")
  .addOption(text("--security-contact <URI>", "mailto:, https: or tel:, for security.txt"))
  .addOption(text("--metrics-token-file <FILE>", "the page's /metrics, for who has the token in it"))
  .addOption(
    new Option(
      "--explorer <URL>",
      "where visitors may look transactions up, with {txid} in it; can be given more than once",
    ).argParser((value: string, others: string[] = []) => [...others, notEmpty(value)]),
  )
  .option("--no-maintainers", "no page for maintainers, and no token for them")
  .option("--json", "print one JSON object instead of the screen when everything is up")
  .action(async (options) => (await import("./start/start.ts")).start(options));

program
  .command("mint")
  .description("make a piñata's secrets: wallet key, certificates and the seal that holds them")
  .option("--practice", "a practice piñata: also makes the player's certificate, so that it can be won")
  .addOption(text("--dir <DIR>", "where the files go; must not hold a seal yet", `${DEFAULT_DIR}/practice`))
  .addOption(
    wholeNumber(
      "--refund-height <N>",
      "block height after which the sponsor may take the coins back",
      100_000,
      1,
      499_999_999,
    ),
  )
  .addOption(new Option("--key <TYPE>", "the certificates' kind of key").choices(["p256", "ed25519"]).default("p256"))
  .option("--json", "print what was made as JSON")
  .action(async (options) => (await import("./mint.ts")).mint(options));

program
  .command("image")
  .description("build the image of the metal board: one file that a virtual machine boots, named by its SHA-256")
  .addOption(text("--out <FILE>", "where it goes (default: build/metal/pinata.elf of this project)"))
  .option("--check", "build it twice more, in other folders and surroundings, and compare byte for byte")
  .option("--json", "print the findings as JSON")
  .action(async (options) => (await import("./image.ts")).image(options));

program
  .command("run")
  .description("run one piñata of your own under QEMU, until Ctrl-C")
  .addOption(text("--seal <FILE>", 'its secrets (made by "pinata mint")').makeOptionMandatory())
  .addOption(text("--image <FILE>", "the image that boots (default: built from this project)"))
  .addOption(text("--trace <FILE>", "where the trace goes (default: trace.jsonl beside the seal)"))
  .addOption(text("--host <ADDRESS>", "the doors are forwarded from this IPv4 address (default: 127.0.0.1)"))
  .addOption(port("--server-port <N>", "the door where the piñata is the TLS server", 10000))
  .addOption(port("--dialback-port <N>", "the door that calls back", 10001))
  .addOption(port("--client-port <N>", "the door where the piñata is the TLS client", 10002))
  .addOption(wholeNumber("--dial-to-port <N>", "the caller's port that the second door calls", 40001, 1, 65_535))
  .addOption(
    text(
      "--tap <NAME>",
      "a TAP device that is there, instead of forwarded doors: the piñata has an address of its own",
    ),
  )
  .addOption(text("--ip <ADDRESS>", "that address and its prefix, 192.0.2.7/24, or dhcp (default: dhcp)"))
  .addOption(text("--gateway <ADDRESS>", "the way out of that network"))
  .addOption(
    wholeNumber(
      "--from-peer <N>",
      "connections of one peer at once; only with --tap: behind forwarded doors all look like one",
      16,
      1,
      64,
    ),
  )
  .addOption(wholeNumber("--memory <N>", "the machine's memory in MiB", LEAST_MEMORY, LEAST_MEMORY, MOST_MEMORY))
  .option("--kvm", "the processor's own virtualisation (/dev/kvm) instead of emulation")
  .option("--json", "print one JSON object instead of the screen when it hangs")
  .action(async (options) => (await import("./run.ts")).run(options));

program
  .command("smash")
  .description("the winner's journey on a practice piñata: handshake, candy, sweep, broadcast")
  .addOption(text("--dir <DIR>", 'the piñata started by "pinata start" there', DEFAULT_DIR))
  .addOption(text("--host <NAME>", "where the piñata is (default: as started)"))
  .addOption(port("--port <N>", "its TLS server door (default: as started)"))
  .addOption(
    text("--chain <URL>", "an Esplora API to look up and broadcast with (default: as started)").argParser(httpUrl),
  )
  .addOption(text("--to <ADDRESS>", "where the coins go (default: a new key, kept in DIR/winner.json)"))
  .addOption(wholeNumber("--fee-rate <N>", "satoshi for each virtual byte", 2, 1, 10_000))
  .option("--dry-run", "make the sweep transaction, but do not send it")
  .option("--json", "print the outcome as JSON")
  .action(async (options) => (await import("./smash.ts")).smash(options));

program
  .command("relay")
  .description("join the piñata's server door to its client door: it shakes hands with itself through you")
  .argument("[host]", "where the piñata is (default: as started)", notEmpty)
  .addOption(text("--dir <DIR>", 'the piñata started by "pinata start" there', DEFAULT_DIR))
  .addOption(port("--server-port <N>", "its TLS server door (default: as started, else 10000)"))
  .addOption(port("--client-port <N>", "its TLS client door (default: as started, else 10002)"))
  .option("--json", "print one JSON object for each record that passes")
  .action(async (host, options) => (await import("./relay.ts")).relay(host, options));

program
  .command("probe")
  .description("look at a piñata as an attacker first would: versions, suites, groups, certificate, refusals")
  .argument("[host]", "where the piñata is (default: as started)", notEmpty)
  .addOption(text("--dir <DIR>", 'the piñata started by "pinata start" there', DEFAULT_DIR))
  .addOption(port("--port <N>", "its TLS server door (default: as started, else 10000)"))
  .option("--json", "print the findings as JSON")
  .action(async (host, options) => (await import("./probe.ts")).probe(host, options));

program
  .command("monitor")
  .description(
    "run the monitor alone: watch the chain through nodes and servers of your choice (--help lists its flags)",
  )
  .argument("[flags...]", "such as --public FILE --store FILE --source core:/data/directory")
  .helpOption(false)
  .allowUnknownOption()
  .action(async (flags) => (await import("./monitor.ts")).monitor(flags));

const alerts = program.command("alert").description("the alerts of a monitor");
alerts
  .command("test")
  .description("send a test alert to each channel of a monitor's configuration, and tell what came of it")
  .argument("[flags...]", "--config FILE, or whatever flags the monitor is started with")
  .option("--json", "print the results as JSON")
  .allowUnknownOption()
  .action(async (flags, options) => (await import("./alert.ts")).testAlerts(flags, options));

program
  .command("verify")
  .description("check a witness's signed statements or the certificate of a spend, without network")
  .argument("<place...>", "a file, - for standard input, or a URL; the statements of several are one chain")
  .addOption(text("--public <FILE>", "the public.json of the piñata that it must be about"))
  .addOption(
    new Option("--key <HEX>", "a witness key that may sign, as published; can be given more than once").argParser(
      (value: string, keys: string[] = []) => [...keys, hex64(value)],
    ),
  )
  .addOption(
    new Option(
      "--block <HASH>",
      "the hash of a block that you know to be on the chain, at or near the spend's",
    ).argParser(hex64),
  )
  .option("--json", "print the findings as JSON")
  .action(async (places, options) => (await import("./verify.ts")).verify(places, options));

program
  .command("doctor")
  .description("tell what this machine has, what it lacks, and how to get it")
  .option("--json", "print the findings as JSON")
  .action(async (options) => (await import("./doctor.ts")).doctor(options));

// A reader that has seen enough (`| head`) closes the pipe: what was begun goes on to its end without it.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

try {
  await program.parseAsync();
} catch (error) {
  const known = error instanceof UsageError || error instanceof CommandError;
  process.stderr.write(`pinata: ${known ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(known ? error.exitCode : 1);
}

function port(flags: string, description: string, fallback?: number): Option {
  return wholeNumber(flags, description, fallback, 0, 65_535);
}

/** An option that takes text. An empty one is a script's unset variable; `--dir ""` would mean the folder it runs in. */
function text(flags: string, description: string, fallback?: string): Option {
  const option = new Option(flags, description).argParser(notEmpty);
  return fallback === undefined ? option : option.default(fallback);
}

function notEmpty(value: string): string {
  if (value.trim() === "") throw new InvalidArgumentError("It is empty.");
  return value;
}

function hex64(value: string): string {
  if (!/^[0-9a-f]{64}$/i.test(value)) throw new InvalidArgumentError("It takes 64 hexadecimal digits.");
  return value.toLowerCase();
}

function httpUrl(value: string): string {
  if (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol))
    throw new InvalidArgumentError("It takes a URL that starts with http:// or https://.");
  return value;
}

function wholeNumber(
  flags: string,
  description: string,
  fallback: number | undefined,
  min: number,
  max: number,
): Option {
  const option = new Option(flags, description).argParser((text: string) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It takes a whole number from ${min} to ${max}.`);
  });
  return fallback === undefined ? option : option.default(fallback);
}
