/**
 * What every face of the development chain can be told to do wrong, so that whoever watches it can be tested against it:
 * how its answers leave, and which of them are lies.
 */
/** Takes the truth and returns what is said instead; undefined: the truth after all. */
export type Lie = (truth: unknown, params: readonly unknown[]) => unknown;

/**
 * How an answer leaves: as it is; not at all, while the socket stays open; not at all, because the server hangs up; half of it;
 * its text twice; as a web page with status 200; with status 429.
 */
export const DELIVERIES = ["whole", "stalled", "dropped", "half", "twice", "page", "limited"] as const;
export type Delivery = (typeof DELIVERIES)[number];

export const TOO_MANY_PAGE =
  "<html>\r\n<head><title>429 Too Many Requests</title></head>\r\n<body>\r\n<h1>429 Too Many Requests</h1>\r\n</body>\r\n</html>\r\n";

/** Faults of a face that is asked over HTTP. */
export class HttpFaults {
  delivery: Delivery = "whole";
  /** Only answers to these are tampered with on their way; all when empty. */
  readonly only = new Set<string>();
  /** Milliseconds before an answer leaves. */
  delay = 0;
  /** Seconds, or an HTTP date; with `limited`. */
  retryAfter: number | string | undefined;
  readonly lies = new Map<string, Lie>();

  clear(): void {
    this.delivery = "whole";
    this.only.clear();
    this.delay = 0;
    this.retryAfter = undefined;
    this.lies.clear();
  }

  /** What is said instead of the truth. */
  said(question: string, truth: unknown, params: readonly unknown[] = []): unknown {
    return this.lies.get(question)?.(truth, params) ?? truth;
  }

  /** Sends an answer to these questions on its way, or not. `hangUp`: ends the connection. */
  async deliver(questions: readonly string[], answer: Response, hangUp: () => void): Promise<Response> {
    if (this.only.size > 0 && !questions.some((each) => this.only.has(each))) return answer;
    if (this.delay > 0) await new Promise((resolve) => setTimeout(resolve, this.delay));
    const { delivery } = this;
    if (delivery === "whole") return answer;
    if (delivery === "stalled") return new Promise(() => {});
    if (delivery === "dropped") {
      hangUp();
      return answer;
    }
    if (delivery === "page" || delivery === "limited") return this.#page(delivery === "page" ? 200 : 429);
    const text = await answer.text();
    const { status, headers } = answer;
    headers.delete("content-length");
    return new Response(delivery === "half" ? text.slice(0, text.length >> 1) : text + text, { status, headers });
  }

  #page(status: number): Response {
    const headers = new Headers({ "content-type": "text/html" });
    if (this.retryAfter !== undefined) headers.set("retry-after", String(this.retryAfter));
    return new Response(TOO_MANY_PAGE, { status, headers });
  }
}
