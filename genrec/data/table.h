// Tables of text: what a file's columns mean (Schema, found by sniff), and reading its records (TableReader).
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "genrec/data/lines.h"

namespace genrec {

enum class TableFormat { automatic, csv, tsv, jsonl, recbole, mmrec, movielens_100k, movielens_1m, movielens_csv, lcrec };
const char* name_of(TableFormat format);

enum class Role { none, user, item, rating, time, order, split, title, text };
const char* name_of(Role role);

// What a table is about decides which column names are recognised and which roles it must have.
enum class TableKind {
  interactions,  // user and item; rating, time, order, split where there
  items,         // item; title, text where there
  features,      // item; every other column is a number
};

struct TableColumn {
  std::string name;
  Role role = Role::none;
  bool numeric = false;  // in all of the lines that were looked at
};

struct Schema {
  std::string path;
  TableKind kind = TableKind::interactions;
  TableFormat format = TableFormat::csv;
  std::string separator;  // "" for jsonl
  bool header = false;
  bool compressed = false;
  bool line_order = false;  // the user said that the lines are in the order of the events
  std::vector<TableColumn> columns;
  std::vector<std::string> notes = {};  // more to tell people: where ids come from

  int find(Role role) const;  // index of its column; -1 when there is none
};

// Looks at the name and the first lines. `roles` holds "role=column" (a name, or a number from 1), which overrides what the
// names say; "order=line" states that the lines are in order. Errors name the file and list its columns.
Schema sniff(const std::string& path, TableKind kind, TableFormat format = TableFormat::automatic,
             const std::vector<std::string>& roles = {});

// The schema as lines for people: format, separator, header, then column, role and type.
std::vector<std::string> describe(const Schema& schema);

// Record by record. A record is a line, except where a quoted csv field goes on in the next one. Blank lines are skipped.
class TableReader {
 public:
  explicit TableReader(const Schema& schema);  // the schema must outlive the reader

  bool next();                                   // false at the end
  // Valid until next(); "" when a jsonl record lacks it.
  std::string_view field(int column) const { return fields_[column]; }
  int64_t line() const { return first_line_; }   // where the record begins
  std::string place() const;                     // "ratings.csv:12"
  std::string place(int column) const;           // "ratings.csv:12:5", the column counted in bytes from 1

 private:
  void split_json(std::string_view line);

  const Schema& schema_;
  LineReader lines_;
  int64_t first_line_ = 0;
  std::string record_;                  // a record that spans lines
  std::vector<std::string_view> fields_;
  std::vector<size_t> offsets_;         // where each field begins in the record
  std::deque<std::string> unquoted_;    // fields that are not a part of the line as it stands
};

// Splits one record at a separator; `quotes`: a field may be quoted as in csv. Returns false when a quote is left open.
// Fields that had to be unquoted live in `unquoted`.
bool split_fields(std::string_view record, std::string_view separator, bool quotes, std::vector<std::string_view>& fields,
                  std::vector<size_t>& offsets, std::deque<std::string>& unquoted);

bool parse_number(std::string_view text, double& value);  // all of the text, "nan" and "inf" included

}  // namespace genrec
