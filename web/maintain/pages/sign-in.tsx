/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/** The form that asks for the admin token, and why it is shown when somebody was or tried to be signed in. */
import type { FC } from "hono/jsx";
import { Frame, type Parts, to } from "./frame.tsx";

interface Props extends Parts {
  /** What went wrong; empty: nothing did. */
  reason: string;
  /** `elsewhere`: the visitor followed another site's link, and a cookie that is here was not sent along. */
  came: "directly" | "from elsewhere";
}

export const SignInPage: FC<Props> = ({ reason, came, assets, visit }) => {
  const { signIn, title } = visit.language.says.maintain;
  return (
    <Frame title={title} assets={assets} visit={visit}>
      <h1 class="title">{title}</h1>
      <p class="lead">{signIn.lead}</p>
      {came === "from elsewhere" && (
        <p class="note">
          {signIn.elsewhere} <a href={to(visit, "/maintain")}>{signIn.again}</a>
        </p>
      )}
      {reason !== "" && (
        <p class="note bad" role="alert" id="reason">
          {reason}
        </p>
      )}
      <form class="fields" method="post" action={to(visit, "/maintain/sign-in")}>
        <label for="token">{signIn.token}</label>
        <input
          id="token"
          name="token"
          type="password"
          autocomplete="current-password"
          required
          aria-describedby="where"
          aria-invalid={reason === "" ? undefined : "true"}
        />
        <p id="where">
          {signIn.where} <code>alerts.adminTokenFile</code>
        </p>
        <button type="submit">{signIn.send}</button>
      </form>
    </Frame>
  );
};
