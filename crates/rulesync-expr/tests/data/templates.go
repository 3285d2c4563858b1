// Command main regenerates templates.jsonl.gz: the seeds of the old file (its sets `valid` and `broken`), the inputs of
// Go's own tests, mutations and generated templates, each with the result of text/template/parse.
//
//	zcat templates.jsonl.gz | go run templates.go | gzip -9n > new.jsonl.gz
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"hash/fnv"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"text/template/parse"
	"unicode/utf8"
)

type row struct {
	Set       string   `json:"set"`
	Env       string   `json:"env"`
	Text      string   `json:"text"`
	Error     string   `json:"error,omitempty"`
	Functions []string `json:"functions,omitempty"`
	Tree      string   `json:"tree,omitempty"`
}

var envs = map[string][]map[string]any{}
var preludes = map[string]string{
	"prometheus": "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}",
	"loki":       "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$value := .Value}}",
	"logql":      "",
}

func set(names string) map[string]any {
	m := map[string]any{}
	for _, n := range strings.Fields(names) {
		m[n] = fmt.Sprint
	}
	return m
}

func judge(env, text string) row {
	r := row{Env: env, Text: text}
	pre := preludes[env]
	trees, err := parse.Parse("__alert_A", pre+text, "", "", envs[env]...)
	if err != nil {
		r.Error = strings.ToValidUTF8(err.Error(), "\uFFFD")
		return r
	}
	type fn struct {
		pos  int
		name string
	}
	var fns []fn
	dumps := map[string]string{}
	for name, tree := range trees {
		if parse.IsEmptyTree(tree.Root) {
			continue
		}
		var sb strings.Builder
		d := dumper{sb: &sb, fn: func(name string, pos int) { fns = append(fns, fn{pos - len(pre), name}) }}
		nodes := tree.Root.Nodes
		if name == "__alert_A" {
			// Skip the actions of the prelude.
			nodes = nodes[strings.Count(pre, "{{"):]
		}
		blank := true
		for _, n := range nodes {
			blank = blank && parse.IsEmptyTree(n)
			d.node(n)
		}
		if !blank {
			dumps[name] = sb.String()
		}
	}
	sort.Slice(fns, func(i, j int) bool { return fns[i].pos < fns[j].pos })
	for _, f := range fns {
		r.Functions = append(r.Functions, fmt.Sprintf("%s@%d", f.name, f.pos))
	}
	names := []string{}
	for n := range dumps {
		names = append(names, n)
	}
	sort.Strings(names)
	h := fnv.New64a()
	for _, n := range names {
		fmt.Fprintf(h, "%s={%s}", n, dumps[n])
	}
	r.Tree = fmt.Sprintf("%016x", h.Sum64())
	return r
}

type dumper struct {
	sb *strings.Builder
	fn func(string, int)
}

func (d dumper) list(l *parse.ListNode) {
	for _, n := range l.Nodes {
		d.node(n)
	}
}

func (d dumper) branch(word string, b parse.BranchNode) {
	d.sb.WriteString(word + "(")
	d.node(b.Pipe)
	d.sb.WriteString("{")
	d.list(b.List)
	d.sb.WriteString("}")
	if b.ElseList != nil {
		d.sb.WriteString("else{")
		d.list(b.ElseList)
		d.sb.WriteString("}")
	}
	d.sb.WriteString(")")
}

func (d dumper) node(n parse.Node) {
	w := d.sb.WriteString
	switch n := n.(type) {
	case *parse.TextNode:
		w(fmt.Sprintf("text%d ", len(n.Text)))
	case *parse.ActionNode:
		w("action(")
		d.node(n.Pipe)
		w(")")
	case *parse.IfNode:
		d.branch("if", n.BranchNode)
	case *parse.WithNode:
		d.branch("with", n.BranchNode)
	case *parse.RangeNode:
		d.branch("range", n.BranchNode)
	case *parse.BreakNode:
		w("break ")
	case *parse.ContinueNode:
		w("continue ")
	case *parse.TemplateNode:
		w("template " + n.Name + "(")
		if n.Pipe != nil {
			d.node(n.Pipe)
		}
		w(")")
	case *parse.PipeNode:
		w("[")
		for _, v := range n.Decl {
			w(strings.Join(v.Ident, ".") + " ")
		}
		if len(n.Decl) > 0 {
			if n.IsAssign {
				w("= ")
			} else {
				w(":= ")
			}
		}
		for _, c := range n.Cmds {
			w("<")
			for _, a := range c.Args {
				d.node(a)
			}
			w(">")
		}
		w("]")
	case *parse.ChainNode:
		d.operand(n.Node, strings.Join(append([]string{""}, n.Field...), "."))
	default:
		d.operand(n, "")
	}
}

func (d dumper) operand(n parse.Node, fields string) {
	w := func(s string) { d.sb.WriteString(s + fields + " ") }
	switch n := n.(type) {
	case *parse.PipeNode:
		d.node(n)
		w("")
	case *parse.IdentifierNode:
		d.fn(n.Ident, int(n.Pos))
		w("function " + n.Ident)
	case *parse.VariableNode:
		w("variable " + strings.Join(n.Ident, "."))
	case *parse.FieldNode:
		w("field ." + strings.Join(n.Ident, "."))
	case *parse.DotNode:
		w("dot")
	case *parse.NilNode:
		w("nil")
	case *parse.BoolNode:
		w(fmt.Sprint("bool ", n.True))
	case *parse.NumberNode:
		w("number " + n.Text)
	case *parse.StringNode:
		w("string " + n.Quoted)
	default:
		panic(fmt.Sprintf("%T", n))
	}
}

// literals returns the string constants of one of Go's own test files that look like templates.
func literals(file string) []string {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, nil, 0)
	if err != nil {
		panic(err)
	}
	var fold func(e ast.Expr) (string, bool)
	fold = func(e ast.Expr) (string, bool) {
		switch e := e.(type) {
		case *ast.BasicLit:
			if e.Kind != token.STRING {
				return "", false
			}
			s, err := strconv.Unquote(e.Value)
			return s, err == nil
		case *ast.BinaryExpr:
			a, ok := fold(e.X)
			b, ok2 := fold(e.Y)
			return a + b, ok && ok2 && e.Op == token.ADD
		case *ast.ParenExpr:
			return fold(e.X)
		}
		return "", false
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		if e, ok := n.(ast.Expr); ok {
			if s, ok := fold(e); ok {
				if strings.Contains(s, "{{") && utf8.ValidString(s) && len(s) < 2000 {
					out = append(out, s)
				}
				return false
			}
		}
		return true
	})
	return out
}

func main() {
	builtins := set("and call html index slice js len not or print printf println urlquery eq ge gt le lt ne")
	for env, names := range map[string]string{"prometheus": prometheus, "loki": prometheus, "logql": logql} {
		envs[env] = []map[string]any{set(names), builtins}
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	seen := map[string]bool{}
	emit := func(set, env, text string) {
		if seen[env+text] || !utf8.ValidString(text) {
			return
		}
		seen[env+text] = true
		r := judge(env, text)
		r.Set = set
		if err := encoder.Encode(r); err != nil {
			panic(err)
		}
	}
	var pool []string
	old := json.NewDecoder(os.Stdin)
	for {
		var seed row
		if err := old.Decode(&seed); err == io.EOF {
			break
		} else if err != nil {
			panic(err)
		}
		if seed.Set == "valid" || seed.Set == "broken" {
			emit(seed.Set, seed.Env, seed.Text)
			pool = append(pool, seed.Text)
		}
	}
	dir := filepath.Join(runtime.GOROOT(), "src/text/template")
	for _, name := range []string{"parse/parse_test.go", "parse/lex_test.go", "exec_test.go", "multi_test.go"} {
		for _, text := range literals(filepath.Join(dir, name)) {
			emit("go", "prometheus", text)
			emit("go", "logql", text)
			if len(text) < 300 {
				pool = append(pool, text)
			}
		}
	}
	r := rand.New(rand.NewSource(20261126))
	names := []string{"prometheus", "prometheus", "prometheus", "loki", "logql"}
	for count := len(seen); len(seen) < count+6000; {
		emit("mutated", names[r.Intn(len(names))], mutate(r, pool))
	}
	for count := len(seen); len(seen) < count+4000; {
		env := names[r.Intn(len(names))]
		g := generator{r: r, env: env, depth: 0}
		emit("generated", env, g.items(1+r.Intn(4)))
	}
}

// The functions of Prometheus v0.316.
const prometheus = `
args externalURL first graphLink humanize humanize1024 humanizeDuration humanizePercentage humanizeTimestamp
label match now parseDuration pathPrefix query reReplaceAll safeHtml sortByLabel stripDomain stripPort
strvalue tableLink title toDuration toLower toTime toUpper urlQueryEscape value
`

// The functions of Loki 3.7 in pipelines.
const logql = `
Replace ToLower ToUpper Trim TrimLeft TrimPrefix TrimRight TrimSpace TrimSuffix __line__ __timestamp__ add
addf alignLeft alignRight b64dec b64enc bytes ceil contains count date default div divf duration
duration_seconds float64 floor fromJson hasPrefix hasSuffix indent int lower max maxf min minf mod mul mulf
nindent now regexReplaceAll regexReplaceAllLiteral repeat replace round sub subf substr title toDate
toDateInZone trim trimAll trimPrefix trimSuffix trunc unixEpoch unixEpochMillis unixEpochNanos unixToTime
upper urldecode urlencode
`

var bits = []string{"{{", "}}", "{{-", "{{- ", " -}}", "-}}", "|", " | ", "(", ")", ",", ":=", "=", ":", "$", "$x", "$labels", "$value", "$labels.a",
	".", ".x", ".x.y", "if ", "else ", "end", "{{end}}", "{{else}}", "{{ else if .x }}", "{{ else with .x }}", "range ", "with ", "define ", "template ", "block ",
	"{{break}}", "{{continue}}", "break", "\"", "`", "'", "\"a\"", "`b`", "'c'", "\\", "\\n", "\\\"", "\\x4", "\\u00e9", "/*", "*/", "{{/* c */}}", "{{/*", " ", "\n", "\t", "\r\n", "1", "0x1F", "1e5", "-3",
	"+", "1_000", "08", "1i", "1+2i", "1e999", "0x1p4", "nil", "true", "query ", "humanize", "printf ", "nosuch", "é", "\u0e01", "\u0301", "\u00a0", "\u2028", "\U0001F642", "\x00", "\x7f", "#", "&", "@", ";", "_", "__line__", "{{define \"a\"}}x{{end}}", "{{define \"__alert_A\"}}x{{end}}", "{{define \"a\"}} {{end}}", "{{block \"b\" .}}y{{end}}"}

func mutate(r *rand.Rand, pool []string) string {
	text := pool[r.Intn(len(pool))]
	for n := 1 + r.Intn(3); n > 0; n-- {
		at := func() int {
			i := r.Intn(len(text) + 1)
			for i < len(text) && !utf8.RuneStart(text[i]) {
				i++
			}
			return i
		}
		a, b := at(), at()
		if a > b {
			a, b = b, a
		}
		switch r.Intn(8) {
		case 0, 1, 2:
			text = text[:a] + bits[r.Intn(len(bits))] + text[a:]
		case 3:
			if b-a > 4 {
				b = a + 1
				for b < len(text) && !utf8.RuneStart(text[b]) {
					b++
				}
			}
			text = text[:a] + text[b:]
		case 4:
			bit := bits[r.Intn(len(bits))]
			if i := strings.Index(text[a:], bit); i >= 0 {
				text = text[:a+i] + text[a+i+len(bit):]
			}
		case 5:
			bit := bits[r.Intn(len(bits))]
			if i := strings.Index(text[a:], bit); i >= 0 {
				text = text[:a+i] + bits[r.Intn(len(bits))] + text[a+i+len(bit):]
			}
		case 6:
			text = text[:a]
		case 7:
			other := pool[r.Intn(len(pool))]
			if len(other)+len(text) < 400 {
				text = text[:a] + other + text[a:]
			}
		}
	}
	return text
}

// generator makes templates that are mostly valid.
type generator struct {
	r     *rand.Rand
	env   string
	depth int
	vars  []string
	loops int
}

func (g *generator) one(of ...string) string { return of[g.r.Intn(len(of))] }

func (g *generator) open() string  { return g.one("{{", "{{ ", "{{ ", "{{- ", "{{-\n") }
func (g *generator) close() string { return g.one("}}", " }}", " }}", " -}}", "\n-}}") }

func (g *generator) items(n int) string {
	s := ""
	for i := 0; i < n; i++ {
		s += g.item()
	}
	return s
}

func (g *generator) item() string {
	if g.depth > 4 {
		return "x"
	}
	g.depth++
	defer func() { g.depth-- }()
	switch g.r.Intn(14) {
	case 0, 1:
		return g.one("text ", "a\nb", "  ", "} }", "é", "{ x }")
	case 2, 3, 4:
		return g.open() + g.pipe() + g.close()
	case 5:
		v := g.one("$x", "$y", "$z")
		s := g.open() + v + g.one(" := ", ":=", " = ") + g.pipe() + g.close()
		g.vars = append(g.vars, v)
		return s
	case 6, 7:
		word := g.one("if ", "with ")
		n := len(g.vars)
		s := g.open() + word
		if g.r.Intn(3) == 0 {
			s += "$c := "
			g.vars = append(g.vars, "$c")
		}
		s += g.pipe() + g.close() + g.items(1+g.r.Intn(2))
		for g.r.Intn(3) == 0 {
			s += g.open() + "else " + word + g.pipe() + g.close() + g.items(1)
		}
		if g.r.Intn(2) == 0 {
			s += g.open() + "else" + g.close() + g.items(1)
		}
		g.vars = g.vars[:n]
		return s + g.open() + "end" + g.close()
	case 8:
		n := len(g.vars)
		s := g.open() + "range "
		if g.r.Intn(2) == 0 {
			s += g.one("$i, $e := ", "$e := ", "$i,$e = ")
			g.vars = append(g.vars, "$e")
		}
		g.loops++
		s += g.pipe() + g.close() + g.items(1+g.r.Intn(2))
		if g.r.Intn(2) == 0 {
			s += g.open() + g.one("break", "continue") + g.close()
		}
		g.loops--
		if g.r.Intn(3) == 0 {
			s += g.open() + "else" + g.close() + g.items(1)
		}
		g.vars = g.vars[:n]
		return s + g.open() + "end" + g.close()
	case 9:
		return "{{/* " + g.one("note", "}}", "query", "\"", "\n") + " */" + g.one("}}", " -}}")
	case 10:
		vars := g.vars
		g.vars = nil
		s := g.open() + "block " + g.one("\"b\"", "`c`") + " " + g.pipe() + g.close() + g.items(1) + g.open() + "end" + g.close()
		g.vars = vars
		return s
	case 11:
		if g.depth > 1 {
			return "y"
		}
		vars := g.vars
		g.vars = nil
		s := g.open() + "define " + g.one("\"d\"", "`e`", "\"\\x66\"") + g.close() + g.items(1) + g.open() + "end" + g.close()
		g.vars = vars
		return s
	case 12:
		return g.open() + "template " + g.one("\"d\"", "\"d\" .", "`e` $") + g.close()
	default:
		if g.loops > 0 {
			return g.open() + g.one("break", "continue") + g.close()
		}
		return g.open() + g.pipe() + g.close()
	}
}

func (g *generator) pipe() string {
	s := g.command()
	for g.r.Intn(3) == 0 {
		s += g.one(" | ", "|") + g.function()
		if g.r.Intn(2) == 0 {
			s += " " + g.operand()
		}
	}
	return s
}

func (g *generator) function() string {
	switch g.env {
	case "logql":
		return g.one("ToLower", "printf", "regexReplaceAll", "fromJson", "default", "eq", "__line__", "trunc")
	default:
		return g.one("query", "first", "value", "humanize", "printf", "title", "eq", "label", "reReplaceAll", "toTime", "index", "sortByLabel")
	}
}

func (g *generator) command() string {
	if g.r.Intn(2) == 0 {
		return g.operand()
	}
	s := g.function()
	for n := g.r.Intn(3); n > 0; n-- {
		s += g.one(" ", " ", "  ", "\n") + g.operand()
	}
	return s
}

func (g *generator) operand() string {
	g.depth++
	defer func() { g.depth-- }()
	if g.depth < 7 && g.r.Intn(6) == 0 {
		return "(" + g.pipe() + ")" + g.one("", "", ".Value", ".a.b")
	}
	if len(g.vars) > 0 && g.r.Intn(3) == 0 {
		return g.vars[g.r.Intn(len(g.vars))] + g.one("", ".f")
	}
	return g.one("$labels.job", "$value", "$", "$.x", ".", ".Labels", ".a.b", "1", "2.5", "-7", "0x1F", "1e3", "'c'", "\"str\"", "`raw }}`", "\"\\t\\\"\"", "true", "nil", "$externalURL", "$externalLabels.x", "3i", "1+2i", g.function())
}
