// Reads a log a third time, with none of our code: the packages with which the go command itself verifies the log of
// Go's modules (golang.org/x/mod/sumdb/note and tlog, Debian's golang-golang-x-mod-dev).
//
//	log_reader log BASE KEY [KEPT]   every entry of a log at a folder or an http:// address, and that it continues the
//	                                 checkpoint KEPT; entries are proven one by one as well
//	log_reader proof FILE KEY ENTRY  one entry, by its tlog-proof
//
// BASE holds `checkpoint` and `tile/…`. KEY, KEPT and ENTRY are files. Says `ok …` and ends with 0, or `bad …` and 1.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The height that tlog-tiles fixes: 256 hashes in a tile.
const height = 8

func fetch(base, name string) ([]byte, error) {
	if !strings.HasPrefix(base, "http://") {
		return os.ReadFile(base + "/" + name)
	}
	answer, err := http.Get(base + "/" + name)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", name, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

// path is where tlog-tiles has a tile: without the height, and bundles under another name.
func path(tile tlog.Tile) string {
	rest := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	return "tile/" + strings.Replace(rest, "data/", "entries/", 1)
}

type tiles struct{ base string }

func (t tiles) Height() int                     { return height }
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (t tiles) ReadTiles(all []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, len(all))
	for i, tile := range all {
		data, err := fetch(t.base, path(tile))
		if err != nil {
			return nil, err
		}
		read[i] = data
	}
	return read, nil
}

func open(text []byte, key string) (tlog.Tree, error) {
	var tree tlog.Tree
	vkey, err := os.ReadFile(key)
	if err != nil {
		return tree, err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(vkey)))
	if err != nil {
		return tree, err
	}
	signed, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tree, errors.New("the text is no checkpoint of this log")
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

// bundle splits a bundle into its entries, each behind its length in two bytes.
func bundle(data []byte) ([][]byte, error) {
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, errors.New("a bundle is cut off")
		}
		length := int(binary.BigEndian.Uint16(data))
		entries, data = append(entries, data[2:2+length]), data[2+length:]
	}
	return entries, nil
}

func log(base, key, kept string) (string, error) {
	text, err := fetch(base, "checkpoint")
	if err != nil {
		return "", err
	}
	tree, err := open(text, key)
	if err != nil {
		return "", err
	}
	hashes := tlog.TileHashReader(tree, tiles{base})
	for first := int64(0); first < tree.N; first += 1 << height {
		width := tree.N - first
		if width > 1<<height {
			width = 1 << height
		}
		tile := tlog.Tile{H: height, L: -1, N: first >> height, W: int(width)}
		data, err := fetch(base, path(tile))
		if err != nil {
			return "", err
		}
		entries, err := bundle(data)
		if err != nil || int64(len(entries)) != width {
			return "", fmt.Errorf("%s: %d entries, %v", path(tile), len(entries), err)
		}
		var indexes []int64
		for i := range entries {
			indexes = append(indexes, tlog.StoredHashIndex(0, first+int64(i)))
		}
		stored, err := hashes.ReadHashes(indexes)
		if err != nil {
			return "", err
		}
		for i, entry := range entries {
			if tlog.RecordHash(entry) != stored[i] {
				return "", fmt.Errorf("entry %d is not what was signed", first+int64(i))
			}
		}
		// The first and the last of each bundle by a proof of their own.
		for _, i := range []int{0, len(entries) - 1} {
			index := first + int64(i)
			proof, err := tlog.ProveRecord(tree.N, index, hashes)
			if err != nil {
				return "", err
			}
			if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entries[i])); err != nil {
				return "", fmt.Errorf("entry %d: %v", index, err)
			}
		}
	}
	if kept != "" {
		text, err := os.ReadFile(kept)
		if err != nil {
			return "", err
		}
		old, err := open(text, key)
		if err != nil {
			return "", err
		}
		proof, err := tlog.ProveTree(tree.N, old.N, hashes)
		if err != nil {
			return "", err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
			return "", fmt.Errorf("the checkpoint of %d entries is not continued: %v", old.N, err)
		}
	}
	return fmt.Sprintf("%d entries, root %v", tree.N, tree.Hash), nil
}

func proof(file, key, entry string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	head, signed, found := bytes.Cut(text, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return "", errors.New("no proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		return "", err
	}
	var path tlog.RecordProof
	for _, line := range lines[2:] {
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(raw) != tlog.HashSize {
			return "", fmt.Errorf("no hash: %q", line)
		}
		path = append(path, *(*tlog.Hash)(raw))
	}
	tree, err := open(signed, key)
	if err != nil {
		return "", err
	}
	content, err := os.ReadFile(entry)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("entry %d", index), tlog.CheckRecord(path, tree.N, tree.Hash, index, tlog.RecordHash(content))
}

func main() {
	words := append(os.Args[1:], "", "", "", "")
	said, err := "", errors.New("log BASE KEY [KEPT] | proof FILE KEY ENTRY")
	switch words[0] {
	case "log":
		said, err = log(words[1], words[2], words[3])
	case "proof":
		said, err = proof(words[1], words[2], words[3])
	}
	if err != nil {
		fmt.Println("bad", err)
		os.Exit(1)
	}
	fmt.Println("ok", said)
}
