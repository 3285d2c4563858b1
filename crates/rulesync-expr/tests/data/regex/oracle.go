//go:build ignore

// Parses patterns with Go's regexp, and writes the golden tables of this folder.
//
//	go run oracle.go published "$(go env GOROOT)" > published.txt
//	go run oracle.go generated 10000 > generated.txt
//	go run oracle.go limits > limits.txt
//	go run oracle.go unicode > unicode.txt
//
// A line is a pattern, a tab and a result. A pattern is one or more Go strings, each followed by `*n` if it is
// repeated n times. The result is `empty` (valid, and matches the empty string), `valid` (in limits.txt: or empty), or
// Go's reason and the part of the pattern that it quotes, `=` for the whole pattern.
package main

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"regexp/syntax"
	"sort"
	"strconv"
	"strings"
	"unicode"
)

// Patterns just below a limit need gigabytes to compile, and compilation does not fail for a parsed pattern.
var withoutMatching bool

var out = bufio.NewWriter(os.Stdout)

func main() {
	defer out.Flush()
	switch os.Args[1] {
	case "published":
		published(os.Args[2])
	case "generated":
		count, _ := strconv.Atoi(os.Args[2])
		generated(count, 14)
	case "limits":
		limits()
	case "unicode":
		unicodeNames()
	case "table":
		table()
	case "ask":
		lines := bufio.NewScanner(os.Stdin)
		lines.Buffer(nil, 1<<26)
		for lines.Scan() {
			pattern, err := strconv.Unquote(lines.Text())
			if err != nil {
				panic(err)
			}
			tell(part{pattern, 1})
		}
	case "fuzz":
		count, _ := strconv.Atoi(os.Args[2])
		seed, _ := strconv.Atoi(os.Args[3])
		generated(count, uint64(seed))
	}
}

type part struct {
	text  string
	times int
}

func verdict(pattern string) string {
	compile := regexp.Compile
	if withoutMatching {
		compile = func(pattern string) (*regexp.Regexp, error) {
			_, err := syntax.Parse(pattern, syntax.Perl)
			return nil, err
		}
	}
	re, err := compile(pattern)
	if err != nil {
		refused := err.(*syntax.Error)
		if refused.Expr == pattern {
			return string(refused.Code) + ": ="
		}
		return string(refused.Code) + ": " + strconv.QuoteToASCII(refused.Expr)
	}
	if withoutMatching {
		return "valid"
	}
	// A match of the empty string is always a full match, so no anchors are needed.
	if re.MatchString("") {
		return "empty"
	}
	return "valid"
}

func tell(parts ...part) string {
	var pattern strings.Builder
	var written []string
	for _, part := range parts {
		pattern.WriteString(strings.Repeat(part.text, part.times))
		text := strconv.QuoteToASCII(part.text)
		if part.times != 1 {
			text += "*" + strconv.Itoa(part.times)
		}
		written = append(written, text)
	}
	said := verdict(pattern.String())
	fmt.Fprintf(out, "%s\t%s\n", strings.Join(written, " "), said)
	return said
}

// The first string of each row of the tables in the tests of Go's regexp.
func published(root string) {
	tables := map[string]bool{}
	for _, name := range strings.Fields(`parseTests foldcaseTests literalTests matchnlTests nomatchnlTests
		invalidRegexps onlyPerl onlyPOSIX goodRe badRe findTests replaceTests replaceLiteralTests replaceFuncTests
		subexpCases splitTests metaTests literalPrefixTests minInputLenTests simplifyTests compileTests onePassTests
		subexpIndex onePassTests1 emptySubexpIndices prefixTests runMergeTests`) {
		tables[name] = true
	}
	seen := map[string]bool{}
	for _, glob := range []string{"src/regexp/*_test.go", "src/regexp/syntax/*_test.go"} {
		files, _ := filepath.Glob(filepath.Join(root, glob))
		sort.Strings(files)
		for _, path := range files {
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				panic(err)
			}
			ast.Inspect(file, func(node ast.Node) bool {
				value, ok := node.(*ast.ValueSpec)
				if !ok || len(value.Values) != 1 || !tables[value.Names[0].Name] {
					return true
				}
				rows, ok := value.Values[0].(*ast.CompositeLit)
				if !ok {
					return true
				}
				for _, row := range rows.Elts {
					if inner, ok := row.(*ast.CompositeLit); ok && len(inner.Elts) > 0 {
						row = inner.Elts[0]
					}
					parts := constant(row)
					key := fmt.Sprint(parts)
					if len(parts) > 0 && !seen[key] {
						seen[key] = true
						tell(parts...)
					}
				}
				return false
			})
		}
	}
}

// A string constant, a repeated one, or a concatenation of these.
func constant(node ast.Expr) []part {
	switch node := node.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(node.Value); err == nil && node.Kind == token.STRING {
			return []part{{text, 1}}
		}
	case *ast.BinaryExpr:
		return append(constant(node.X), constant(node.Y)...)
	case *ast.CallExpr:
		if len(node.Args) == 2 {
			text := constant(node.Args[0])
			if times, ok := node.Args[1].(*ast.BasicLit); ok && len(text) == 1 {
				if count, err := strconv.Atoi(times.Value); err == nil {
					return []part{{text[0].text, count}}
				}
			}
		}
	}
	return nil
}

// Generates the given number of valid patterns, and some of the invalid ones found on the way.
func generated(valid int, seed uint64) {
	g := &generator{rand.New(rand.NewPCG(seed, 26))}
	seen := map[string]bool{}
	for valid > 0 {
		pattern := g.alternatives(0)
		for g.IntN(3) == 0 {
			pattern = g.damage(pattern)
		}
		if seen[pattern] || len(pattern) > 60 {
			continue
		}
		seen[pattern] = true
		if said := verdict(pattern); said == "valid" || said == "empty" {
			valid--
		} else if g.IntN(6) > 0 {
			continue
		}
		tell(part{pattern, 1})
	}
}

type generator struct{ *rand.Rand }

func (g *generator) of(choices ...string) string { return choices[g.IntN(len(choices))] }

func (g *generator) alternatives(depth int) string {
	text := g.sequence(depth)
	for g.IntN(4) == 0 {
		text += "|" + g.sequence(depth)
	}
	return text
}

func (g *generator) sequence(depth int) string {
	text := ""
	for count := g.IntN(5); count > 0; count-- {
		text += g.atom(depth) + g.repetition()
	}
	return text
}

func (g *generator) repetition() string {
	if g.IntN(3) > 0 {
		return ""
	}
	count := func() string {
		return g.of("0", "1", "2", "3", "7", "10", "31", "999", "1000", "1001", "01", "4294967296")
	}
	text := g.of("*", "+", "?", "{"+count()+"}", "{"+count()+",}", "{"+count()+","+count()+"}", "{,"+count()+"}")
	return text + g.of("", "", "", "?")
}

func (g *generator) atom(depth int) string {
	switch choice := g.IntN(20); {
	case choice < 7:
		return g.letter()
	case choice < 9:
		return g.of(".", "^", "$", ".*", "-", "}", "]", "{", ",", ":", "=", "<", ">", "#", "/", "\n", "\t")
	case choice < 12:
		return g.escape()
	case choice < 15:
		return g.class()
	case depth < 4:
		return g.group(depth)
	}
	return g.letter()
}

func (g *generator) letter() string {
	return g.of("a", "b", "c", "k", "s", "A", "K", "Z", "0", "7", "_", " ", "é", "ſ", "K", "δ", "世", "😀", "\u00ad")
}

func (g *generator) escape() string {
	switch g.IntN(8) {
	case 0:
		return `\` + g.of("d", "D", "s", "S", "w", "W", "A", "z", "b", "B")
	case 1:
		return `\` + g.of(".", "*", "[", "]", "(", ")", "{", "}", "|", "^", "$", "?", "+", `\`, "-", "/", "_", " ", "\"", "&")
	case 2:
		return `\` + g.of("a", "f", "n", "r", "t", "v", "0", "01", "012", "0123", "10", "77", "377", "777")
	case 3:
		return `\x` + g.of("41", "7f", "ff", "{41}", "{10FFFF}", "{110000}", "{D800}", "{}", "{ 41}", "4", "g1", "{0000000041}")
	case 4:
		return `\` + g.of("p", "P") + g.of("L", "N", "Lu", "{L}", "{Lu}", "{^Lu}", "{Greek}", "{^Greek}", "{greek}", "{Any}",
			"{Letter}", "{uppercase_letter}", "{Old Italic}", "{Old-Italic}", "{Foo}", "{}", "{^}", "X", "^L", "{ASCII}", "{LC}", "é")
	case 5:
		return `\Q` + g.of("", "a", "a.b*", "(", "[a", "é", `\`, "a\\") + g.of(`\E`, `\E`, `\E`, "")
	case 6:
		return `\` + g.of("C", "E", "G", "K", "Z", "c", "e", "g", "h", "i", "k", "q", "R", "u", "1", "8", "9", "é", "<", "'")
	}
	return g.of(`\d+`, `\.`, `\w*`, `\/`, `\-`)
}

func (g *generator) class() string {
	text := "[" + g.of("", "", "^") + g.of("", "", "", "]", "-")
	for count := 1 + g.IntN(4); count > 0; count-- {
		switch g.IntN(7) {
		case 0, 1:
			text += g.letter()
		case 2:
			text += g.letter() + "-" + g.letter()
		case 3:
			text += g.of("a-z", "A-Z", "0-9", "a-f0-9", "-", ".", "*", "(", "[", "^", "&&", "a-", "-a", "--/", "\\-z", "!-~")
		case 4:
			text += g.escape()
		case 5:
			text += "[:" + g.of("", "", "^") + g.of("alpha", "digit", "word", "space", "Alpha", "foo", "xdigit", "ascii", "") + g.of(":]", ":]", ":]", "]")
		case 6:
			text += g.escape() + "-" + g.escape()
		}
	}
	return text + g.of("]", "]", "]", "]", "]", "]", "]", "")
}

func (g *generator) group(depth int) string {
	open := g.of("(", "(", "(?:", "(?:", "(?i)", "(?i:", "(?s:", "(?m:", "(?U:", "(?i-s:", "(?im-sU:", "(?P<name>", "(?<name>",
		"(?P<n_1>", "(?P<1>", "(?P<>", "(?P<a-b>", "(?P<é>", "(?P=name)", "(?P>name)", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?#",
		"(?'name'", "(?-:", "(?i-:", "(?-i-s:", "(?x:", "(?^i:", "(?)", "(?", "(?P", "(?P<", "(?<", "(?i")
	return open + g.alternatives(depth+1) + g.of(")", ")", ")", ")", ")", ")", ")", ")", ")", "", "))")
}

// Removes, inserts or duplicates a byte.
func (g *generator) damage(text string) string {
	if text == "" {
		return text
	}
	at := g.IntN(len(text))
	switch g.IntN(4) {
	case 0:
		return text[:at] + text[at+1:]
	case 1:
		return text[:at] + text[at:at+1] + text[at:]
	}
	return text[:at] + g.of("(", ")", "[", "]", "{", "}", "*", "+", "?", "|", `\`, "^", "-", ":", "1", ",", "\xff", "\xc3") + text[at:]
}

// Patterns on both sides of each of Go's limits.
func limits() {
	withoutMatching = true
	// Every seventh pattern of the large families; all of them were compared once.
	asked := 0
	tell := func(parts ...part) {
		if asked++; asked%7 == 0 || asked > 6500 {
			tell(parts...)
		}
	}
	around := func(limit int, parts func(n int) []part) {
		for n := limit - 3; n <= limit+3; n++ {
			tell(parts(n)...)
		}
	}
	for _, group := range [][2]string{{"(", ")"}, {"(?:", ")*"}, {"(?:", ")?"}, {"(?P<n>", ")"}, {"(?:(", ")+)"}, {"(a", ")"},
		{"(?:a", ")*"}, {"(a|b.", ")"}, {"(?:.a|", ")*"}, {"(?:", "){1}"}, {"(?:ab|c|", ".)*"}, {"(?i:a(?:", "b)*)"}, {"([ab]", "[c-e])"},
		{"(^", "$)"}, {"((?:", "a)b)"}} {
		for _, inner := range []string{"", "x", "xy", "x*", "x|y", "xx|yy", "[a-z]b", `\d`, "a{2}"} {
			for _, limit := range []int{333, 500, 1000} {
				around(limit, func(n int) []part { return []part{{group[0], n}, {inner, 1}, {group[1], n}} })
			}
		}
	}
	for _, inner := range []string{"x", "(x)", "xx?", "[a-c]", "a|bc", "abcdef", "(?:abc)?d", "", "(?:x{0})"} {
		for _, outer := range []int{1, 2, 3, 31, 32, 100, 500, 999, 1000} {
			for _, count := range []int{1, 2, 9, 10, 31, 32, 33, 500, 1000} {
				for _, form := range []string{"{%d}", "{%d,}", "{0,%d}", "{1,%d}"} {
					tell(part{fmt.Sprintf("(?:(?:%s)"+form+"){%d}", inner, count, outer), 1})
				}
			}
		}
	}
	for _, repeated := range []string{"(xx?){1000}", "(x){1000}", "x{1000}", "(?:xyz){1000}", "(xx?){999,1000}", "(?:a+b?c*){500,}", `\d{1000}`} {
		for _, times := range []int{1, 2, 10, 100, 500, 600, 670, 671, 672, 800, 1000, 1117, 1118, 1119, 1200, 3355, 3356} {
			tell(part{repeated, times})
			tell(part{"(", 1}, part{repeated, times}, part{"|.)", 1})
		}
	}
	for _, inner := range []string{"(xx?)", "(x)", "x", "xy*", "[a-z]", "a|", "(?:ab)"} {
		for _, times := range []int{100, 400, 500, 558, 559, 560, 670, 671, 672, 800, 837, 838, 839, 840, 1000, 1117, 1118, 1119, 1676, 1677, 1678, 3353, 3354, 3355, 3356, 4000} {
			tell(part{"(", 1}, part{inner, times}, part{"){1000}", 1})
			tell(part{"(?:", 1}, part{inner, times}, part{"){1000,}y", 1})
			tell(part{"y{1000}z{1000}(?:", 1}, part{inner, times}, part{"){1000}", 1})
		}
	}
	for _, class := range []string{`\pL`, `\PL`, `[\pL]`, `[^\pL]`, `(\pL)`, `(?:\pL)`, `\pL|a.`} {
		for _, times := range []int{8000, 20000, 25000, 25970, 25971, 25972, 26000, 27000} {
			tell(part{class, times})
		}
	}
	tell(part{"(?:", 900}, part{`\pL`, 200}, part{")", 900})
	tell(part{"a", 100000})
	tell(part{"a|", 100000})
	tell(part{"ab|", 30000})
	tell(part{"[[:", 20000})
	tell(part{"(?P<", 20000})
	tell(part{`\p{`, 20000})
	tell(part{"{1", 20000})
	tell(part{"(", 100000})
	tell(part{"[", 100000})
	tell(part{"(?i)", 30000})
}

func names() []string {
	var names []string
	for name := range unicode.Categories {
		names = append(names, name)
	}
	for name := range unicode.Scripts {
		names = append(names, name)
	}
	for name := range unicode.CategoryAliases {
		names = append(names, name)
	}
	names = append(names, "Any", "Assigned", "ASCII", "LC")
	sort.Strings(names)
	return names
}

// Every name in several spellings, and names that other engines support.
func unicodeNames() {
	foreign := strings.Fields(`Alphabetic Emoji Script=Greek sc=Grek Grek Latn Zyyy Common Inherited Unknown Zzzz Cn Unassigned IsGreek
		InGreek Xan Xwd Block=ASCII L& Letters Kawi Nag_Mundari Garay Sunuwar White_Space Lowercase Uppercase ASCII_Hex_Digit`)
	seen := map[string]bool{}
	for _, name := range append(names(), foreign...) {
		for _, spelt := range []string{name, strings.ToLower(name), strings.ToUpper(name), "^" + name,
			strings.ReplaceAll(name, "_", ""), strings.ReplaceAll(name, "_", "-"), name + " ", "_" + name} {
			if !seen[spelt] {
				seen[spelt] = true
				tell(part{`\p{` + spelt + `}`, 1})
			}
		}
	}
}

// The names as Go looks them up, and the number of integers in the ranges of each.
func table() {
	seen := map[string]bool{}
	for _, name := range names() {
		key := strings.ToLower(strings.NewReplacer("_", "", " ", "", "-", "").Replace(name))
		tree, err := syntax.Parse(`\p{`+name+`}`, syntax.Perl)
		if err != nil {
			continue
		}
		runes := len(tree.Rune)
		if !seen[key] {
			seen[key] = true
			fmt.Fprintf(out, "%s %d %v\n", key, runes, tree.Op)
		}
	}
}
