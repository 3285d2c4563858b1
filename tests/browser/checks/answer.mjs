// The page is there, as HTML.

export const name = 'answer';

export async function check({ response }) {
  const type = (await response.headerValue('content-type')) ?? 'none';
  const problems = [];
  if (response.status() !== 200) {
    problems.push(`The answer is ${response.status()}`);
  }
  if (!/^text\/html; *charset=utf-8$/i.test(type)) {
    problems.push(`The content type is ${type}, and not text/html; charset=utf-8`);
  }
  return problems;
}
