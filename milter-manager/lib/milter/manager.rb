# frozen_string_literal: true

# The Ruby half of the configuration language.  Milter::Manager::Native, the C
# half, exists before this file is loaded.

require "milter/logger"
require "milter/socket_address"
require "milter/manager/errors"
require "milter/manager/locations"
require "milter/manager/spelling"
require "milter/manager/condition_list"
require "milter/manager/groups"
require "milter/manager/child"
require "milter/manager/database"
require "milter/manager/context"
require "milter/manager/applicable_condition"
require "milter/manager/matcher"
require "milter/manager/conditions/s25r"
require "milter/manager/conditions/remote_network"
require "milter/manager/conditions/stress"
require "milter/manager/conditions/trust"
require "milter/manager/conditions/restrict_accounts"
require "milter/manager/tables/postfix_cidr_table"
require "milter/manager/tables/postfix_regexp_table"
require "milter/manager/configuration"
require "milter/manager/loader"
require "milter/manager/scheduler"
require "milter/manager/question"
require "milter/manager/engine"
