#!/usr/bin/env ruby
# frozen_string_literal: true

# Stands in for `rails db:migrate` and `rails db:rollback`: Active Record's own migrations on a folder of
# Ruby files, without the application around them.
#
# usage: rails migrate|rollback URL FOLDER
require "active_record"

command, url, folder = ARGV
abort "usage: rails migrate|rollback URL FOLDER" unless %w[migrate rollback].include?(command) && folder
ActiveRecord::Base.establish_connection(url.sub(/\Amysql:/, "mysql2:"))
ActiveRecord::Migration.verbose = false
context = ActiveRecord::MigrationContext.new(folder, ActiveRecord::SchemaMigration)
command == "migrate" ? context.migrate : context.rollback(1)
