// A page asks nobody but the daemon, not even in vain: a request that the policy stops was meant.

export const name = 'requests';

export async function check({ requests, base }) {
  const origin = new URL(base).origin;
  const elsewhere = requests
    .map((request) => new URL(request.url()))
    .filter((url) => {
      return url.protocol !== 'data:' && url.origin !== origin;
    });
  return elsewhere.map((url) => `The page asks ${url.href}`);
}
