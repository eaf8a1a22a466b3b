/**
 * Connection: what every handshake state may use: the two halves of the record layer, the joiner, the randomness, the vault
 * and the trace. It holds no secret of the handshake; those belong to the state that needs them.
 */
import { mark, release } from "arena";
import { Bytes } from "bytes";
import { Generator } from "../crypto/drbg";
import { Failure } from "../failure";
import { Role } from "../role";
import { State, TraceCode } from "../trace";
import { Writer } from "../wire/writer";
import { AlertDescription, AlertLevel, alertFor } from "./alert";
import { Chain } from "./codec/certificate";
import { ClientHello } from "./codec/client-hello";
import { MAX_SUMMARY, writeSummary } from "./fingerprint";
import { Joiner } from "./joiner";
import { RecordReader } from "./record/reader";
import { RecordWriter } from "./record/writer";
import { Trace, Vault } from "./surroundings";

@final
export class Connection {
  readonly reader: RecordReader = new RecordReader();
  readonly writer: RecordWriter = new RecordWriter();
  readonly joiner: Joiner = new Joiner();
  readonly generator: Generator = new Generator();
  /** One chain at a time: ours while it is sent, the peer's until it is judged. */
  readonly chain: Chain = new Chain();
  /** The hello of the client, parsed; valid while its message is. */
  readonly clientHello: ClientHello = new ClientHello();

  role: Role = Role.Server;
  /** The vault has accepted the peer's certificate and proof of its key. */
  authenticated: bool = false;
  /** close_notify was sent: nothing can follow it (§6.1). */
  saidCloseNotify: bool = false;
  /** ChangeCipherSpec is tolerated from the first ClientHello to the peer's Finished (§5). */
  toleratesChangeCipherSpec: bool = false;
  /** Whether our own dummy ChangeCipherSpec has been sent: once a connection (appendix D.4). */
  private sentChangeCipherSpec: bool = false;
  private reachedState: State = State.Connected;

  constructor(
    readonly vault: Vault,
    private trace: Trace,
  ) {}

  /** Traces that a state was reached: each at most once, never backwards. */
  reached(state: State): void {
    if (state <= this.reachedState) return;
    this.reachedState = state;
    this.trace.event(TraceCode.State, state, 0, NOTHING);
  }

  traceHello(hello: ClientHello): void {
    const scope = mark();
    const writer = new Writer(Bytes.alloc(MAX_SUMMARY));
    writeSummary(writer, hello);
    this.trace.event(TraceCode.Hello, 0, 0, writer.written());
    release(scope);
  }

  traceNegotiated(suite: u32, group: u32): void {
    this.trace.event(TraceCode.Negotiated, suite, group, NOTHING);
  }

  traceAlertReceived(description: u32, level: u32): void {
    this.trace.event(TraceCode.AlertReceived, description, level, NOTHING);
  }

  traceCandy(): void {
    this.trace.event(TraceCode.Candy, 0, 0, NOTHING);
  }

  /** Sends the dummy ChangeCipherSpec of the middlebox compatibility mode, the first time that it is asked for. */
  changeCipherSpecOnce(): void {
    if (this.sentChangeCipherSpec) return;
    this.sentChangeCipherSpec = true;
    this.writer.changeCipherSpec();
  }

  /** Sends the alert for `failure`; after close_notify only the trace hears of it. */
  alert(failure: Failure): void {
    if (this.saidCloseNotify) {
      this.trace.event(TraceCode.Failed, failure, 0, NOTHING);
      return;
    }
    const description = alertFor(failure);
    this.writer.alert(AlertLevel.Fatal, description);
    this.trace.event(TraceCode.AlertSent, description, failure, NOTHING);
  }

  /** Sends close_notify. Once. */
  closeNotify(): void {
    assert(!this.saidCloseNotify);
    this.saidCloseNotify = true;
    this.writer.alert(AlertLevel.Warning, AlertDescription.CloseNotify);
    this.trace.event(TraceCode.AlertSent, AlertDescription.CloseNotify, Failure.None, NOTHING);
  }

  /** We have said our last: zeroes what only our own words needed, and our certificate. */
  closeWriteSide(): void {
    this.toleratesChangeCipherSpec = false;
    this.writer.forgetKey();
    this.generator.wipe();
    this.chain.bytes.wipe();
  }

  /** Zeroes keys, randomness and buffers; what waits to be sent stays. */
  wipe(): void {
    this.reader.wipe();
    this.writer.forgetKey();
    this.joiner.wipe();
    this.generator.wipe();
    this.chain.bytes.wipe();
  }
}

const NOTHING = Bytes.alloc(0);
