/** A block explorer in plain HTML, for people who want to see what the development chain holds. Every page says what it is. */
import { Hono } from "hono";
import type { Child } from "hono/jsx";
import { isHash } from "../bitcoin/bytes.ts";
import { scriptOfAddress } from "../bitcoin/networks.ts";
import type { Chain, StoredBlock } from "./chain.ts";
import { outspendJson, statsJson, txJson, utxoJson } from "./esplora-json.ts";
import { scriptHash } from "./ledger.ts";
import type { DevNode } from "./node.ts";

export const NOTICE = "for development only, these coins are worth nothing";

const LAST_BLOCKS = 20;
const STYLE = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem .2rem 0;vertical-align:top;overflow-wrap:anywhere}
code{font-size:.9em}.notice{border:2px solid;padding:.3rem .8rem}`;

export function pages(node: DevNode): Hono {
  const app = new Hono();
  const { chain } = node;
  app.get("/", (c) => c.html(page(<Front node={node} />)));
  app.get("/ui/block/:hash", (c) => {
    const block = chain.block(c.req.param("hash"));
    return block
      ? c.html(page(<BlockPage chain={chain} block={block} />))
      : c.html(page(<Missing what="block" />), 404);
  });
  app.get("/ui/tx/:txid", (c) => {
    const txid = c.req.param("txid");
    return isHash(txid) && chain.find(txid)
      ? c.html(page(<TransactionPage chain={chain} txid={txid} />))
      : c.html(page(<Missing what="transaction" />), 404);
  });
  app.get("/ui/address/:address", (c) => {
    const address = c.req.param("address");
    const script = scriptOfAddress(address, "regtest");
    return script
      ? c.html(page(<AddressPage chain={chain} address={address} script={scriptHash(script)} />))
      : c.html(page(<Missing what="regtest address" />), 404);
  });
  return app;
}

/** Without a doctype browsers fall back to the layout rules of the nineties. */
function page(content: Child): string {
  return `<!doctype html>${String(content)}`;
}

function Page({ title, children }: { title: string; children?: Child }) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{title} · development chain</title>
        <style>{STYLE}</style>
      </head>
      <body>
        <p class="notice">Development chain (regtest): {NOTICE}.</p>
        <h1>{title}</h1>
        {children}
        <p>
          <a href="/">All blocks</a>
        </p>
      </body>
    </html>
  );
}

function Front({ node: { chain, wallet } }: { node: DevNode }) {
  const blocks: StoredBlock[] = [];
  for (let at: StoredBlock | undefined = chain.tip; at && blocks.length < LAST_BLOCKS; at = at.previous)
    blocks.push(at);
  const waiting = chain.mempool.entries();
  return (
    <Page title={`Block ${chain.height}`}>
      <h2>Waiting</h2>
      {waiting.length === 0 ? <p>No transaction waits.</p> : null}
      <ul>
        {waiting.map(({ tx, fee }) => (
          <li>
            <Transaction txid={tx.txid} /> {String(fee)} sat fee
          </li>
        ))}
      </ul>
      <h2>Last blocks</h2>
      <table>
        <tr>
          <th>Height</th>
          <th>Time</th>
          <th>Transactions</th>
          <th>Hash</th>
        </tr>
        {blocks.map((block) => (
          <tr>
            <td>{block.height}</td>
            <td>{time(block.time)}</td>
            <td>{block.txids.length}</td>
            <td>
              <BlockLink hash={block.hash} />
            </td>
          </tr>
        ))}
      </table>
      <p>
        The miner pays to <Address address={wallet.address} />.
      </p>
    </Page>
  );
}

function BlockPage({ chain, block }: { chain: Chain; block: StoredBlock }) {
  return (
    <Page title={`Block ${block.height}`}>
      <p>
        <code>{block.hash}</code>, {time(block.time)},{" "}
        {chain.isActive(block) ? `${chain.height - block.height + 1} confirmations` : "not on the best chain"}.
      </p>
      {block.previous ? (
        <p>
          After <BlockLink hash={block.previous.hash} />.
        </p>
      ) : null}
      <ol start={0}>
        {block.txids.map((txid) => (
          <li>{chain.isActive(block) ? <Transaction txid={txid} /> : <code>{txid}</code>}</li>
        ))}
      </ol>
    </Page>
  );
}

function TransactionPage({ chain, txid }: { chain: Chain; txid: string }) {
  const tx = txJson(chain, chain.find(txid)!);
  const hash = tx.status.block_hash;
  return (
    <Page title="Transaction">
      <p>
        <code>{txid}</code>, {tx.fee} sat fee,{" "}
        {hash ? (
          <>
            in block <BlockLink hash={hash} />
          </>
        ) : (
          "waiting for a block"
        )}
        .
      </p>
      <h2>From</h2>
      <ul>
        {tx.vin.map((input) => (
          <li>
            {input.is_coinbase ? (
              "new coins"
            ) : (
              <>
                {amount(input.prevout?.value ?? 0)} of <Address address={input.prevout?.scriptpubkey_address} />, from{" "}
                <Transaction txid={input.txid} /> output {input.vout}
              </>
            )}
          </li>
        ))}
      </ul>
      <h2>To</h2>
      <ol start={0}>
        {tx.vout.map((output, vout) => {
          const spend = outspendJson(chain, txid, vout);
          return (
            <li>
              {amount(output.value)} to <Address address={output.scriptpubkey_address} />
              {spend.spent ? (
                <>
                  , spent by <Transaction txid={spend.txid!} />
                </>
              ) : null}
            </li>
          );
        })}
      </ol>
    </Page>
  );
}

function AddressPage({ chain, address, script }: { chain: Chain; address: string; script: string }) {
  const { chain_stats, mempool_stats } = statsJson(chain, script);
  const history = [...chain.mempool.history(script).map(({ tx }) => tx.txid), ...[...chain.history(script)].reverse()];
  const held = utxoJson(chain, script).reduce((sum, { value }) => sum + value, 0);
  return (
    <Page title="Address">
      <p>
        <code>{address}</code> holds {amount(held)} and is in {chain_stats.tx_count + mempool_stats.tx_count}{" "}
        transactions.
      </p>
      <ul>
        {history.slice(0, 100).map((txid) => (
          <li>
            <Transaction txid={txid} />
          </li>
        ))}
      </ul>
    </Page>
  );
}

function Missing({ what }: { what: string }) {
  return <Page title={`No such ${what}`} />;
}

function BlockLink({ hash }: { hash: string }) {
  return (
    <a href={`/ui/block/${hash}`}>
      <code>{hash}</code>
    </a>
  );
}

function Transaction({ txid }: { txid: string }) {
  return (
    <a href={`/ui/tx/${txid}`}>
      <code>{txid}</code>
    </a>
  );
}

function Address({ address }: { address: string | undefined }) {
  if (address === undefined) return <>a script without address</>;
  return (
    <a href={`/ui/address/${address}`}>
      <code>{address}</code>
    </a>
  );
}

function amount(sats: number): string {
  return `${sats.toLocaleString("en")} sat`;
}

function time(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace("T", " ").replace(".000Z", " UTC");
}
